//! `bwp-sync schema --asyncapi`: channels, messages and headers as an AsyncAPI 3 document.
//!
//! Not here: the schemas, which are those of the types (`domain::schema`).

use serde_json::{Map, Value, json};
use strum::IntoEnumIterator;

use crate::broker::headers::own;
use crate::domain::envelope::Kind;
use crate::domain::outcome::ResultKind;
use crate::domain::schema::{of_message, of_result};

/// Headers of a letter that tools may rely on, each a text or a number.
const LETTER_HEADERS: [&str; 17] = [
    own::LETTER_ID,
    own::OPERATION,
    own::ERROR_TYPE,
    own::ERROR_CODE,
    own::ERROR_CLASS,
    own::ERROR_MESSAGE,
    own::SUGGESTED_ACTION,
    own::ORDER,
    own::ATTEMPTS,
    own::FIRST_FAILED_AT,
    own::DEAD_LETTERED_AT,
    own::SOURCE_EXCHANGE,
    own::SOURCE_ROUTING_KEY,
    own::SOURCE_QUEUE,
    own::MAPPING,
    own::REPLAYS,
    own::REPLAY_ID,
];
/// Headers of a result.
const RESULT_HEADERS: [&str; 4] = ["traceparent", own::LETTER_ID, own::REPLAY_ID, own::REPLAYED_LETTER];
/// Content type of all messages and results.
const CONTENT_TYPE: &str = crate::domain::envelope::CONTENT_TYPE;

/// The document, with the names of exchanges that are the defaults.
pub(super) fn document() -> Value {
    let mut document = Document::default();
    for kind in Kind::iter() {
        let message = json!({ "headers": { "$ref": "#/components/schemas/Headers" } });
        document.add("shop.events", "receive", kind.name(), of_message(kind), message);
    }
    for kind in ResultKind::iter() {
        let message = json!({ "headers": headers(&RESULT_HEADERS) });
        document.add("bwp.results", "send", kind.name(), of_result(kind), message);
    }
    document.letters();
    let Document { channels, operations, messages, mut schemas } = document;
    schemas.insert(
        "Headers".to_owned(),
        json!({ "type": "object", "properties": { "traceparent": { "type": "string" } } }),
    );
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "bwp-sync",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Messages of a shop, and results and dead letters of the worker, over RabbitMQ. Exchanges have their default names.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages, "schemas": schemas },
    })
}

#[derive(Default)]
struct Document {
    channels: Map<String, Value>,
    operations: Map<String, Value>,
    messages: Map<String, Value>,
    schemas: Map<String, Value>,
}

impl Document {
    /// Adds a message with a channel and an operation of its own.
    fn add(&mut self, exchange: &str, action: &str, name: &str, mut schema: Value, mut message: Value) {
        let flat = |definition: &str| format!("{name}.{definition}");
        if let Some(Value::Object(definitions)) = schema.as_object_mut().and_then(|it| it.remove("$defs")) {
            for (definition, mut schema) in definitions {
                refer(&mut schema, &flat);
                self.schemas.insert(flat(&definition), schema);
            }
        }
        if let Some(schema) = schema.as_object_mut() {
            // inside a document these would be another base for its references
            schema.remove("$schema");
            schema.remove("$id");
        }
        refer(&mut schema, &flat);
        message["name"] = json!(name);
        message["contentType"] = json!(CONTENT_TYPE);
        message["payload"] = json!({ "$ref": format!("#/components/schemas/{name}") });
        self.schemas.insert(name.to_owned(), schema);
        self.channel(exchange, action, name, name, message);
    }

    /// Dead letters carry the message's own body, whatever it is.
    fn letters(&mut self) {
        let message = json!({ "name": "dead-letter", "headers": headers(&LETTER_HEADERS), "payload": {},
            "description": "The message itself, byte for byte; its headers say why it failed." });
        self.channel("bwp.dead", "send", "dead-letter", "{operation}.{code}", message);
        self.channels["dead-letter"]["parameters"] = json!({
            "operation": { "description": "The operation that failed.", "enum": ["createOrder", "updateOrder", "none"] },
            "code": { "description": "The code of the error." },
        });
    }

    fn channel(&mut self, exchange: &str, action: &str, name: &str, address: &str, message: Value) {
        let binding = json!({
            "is": "routingKey",
            "exchange": { "name": exchange, "type": "topic", "durable": true, "autoDelete": false },
            "bindingVersion": "0.3.0",
        });
        self.messages.insert(name.to_owned(), message);
        self.channels.insert(
            name.to_owned(),
            json!({
                "address": address,
                "messages": { name: { "$ref": format!("#/components/messages/{name}") } },
                "bindings": { "amqp": binding },
            }),
        );
        self.operations.insert(
            format!("{action}-{name}"),
            json!({
                "action": action,
                "channel": { "$ref": format!("#/channels/{name}") },
                "messages": [{ "$ref": format!("#/channels/{name}/messages/{name}") }],
            }),
        );
    }
}

fn headers(names: &[&str]) -> Value {
    let fields: Map<String, Value> =
        names.iter().map(|name| ((*name).to_owned(), json!({ "type": ["string", "integer"] }))).collect();
    json!({ "type": "object", "properties": fields })
}

/// Leads every reference to the components of the document: its parser finds no others.
fn refer(schema: &mut Value, flat: &impl Fn(&str) -> String) {
    match schema {
        Value::Object(fields) => fields.iter_mut().for_each(|(name, value)| match value {
            Value::String(reference) if name == "$ref" => {
                if let Some(definition) = reference.strip_prefix("#/$defs/") {
                    *reference = format!("#/components/schemas/{}", flat(definition));
                }
            }
            value => refer(value, flat),
        }),
        Value::Array(values) => values.iter_mut().for_each(|value| refer(value, flat)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}
