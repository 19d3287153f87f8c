//! JSON Schemas of messages and results, made from the types that read and write them.
//!
//! Not here: reading. A schema says what a shop should send; the reader accepts a little more, for example blank texts
//! as absent.

use std::borrow::Cow;

use schemars::generate::SchemaSettings;
use schemars::transform::RecursiveTransform;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde_json::{Value, json};
use strum::IntoEnumIterator;

use super::amendment::Amendment;
use super::checkout::Checkout;
use super::country::Country;
use super::envelope::Kind;
use super::fulfillment::Fulfillment;
use super::money::{Amount, Currency};
use super::outcome::{Outcome, ResultEvent, ResultKind};
use super::quantity::Quantity;
use super::reading::Text;
use super::refund::RefundUpdate;

/// A decimal as text, as in [`super::reading`]: with an exponent if it is exact.
const DECIMAL: &str = r"^[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?$";

/// The schema of a message in structured mode: a whole CloudEvent.
pub fn of_message(kind: Kind) -> Value {
    let settings = SchemaSettings::draft2020_12().for_deserialize().with_transform(RecursiveTransform(null_is_absent));
    let generator = settings.into_generator();
    let schema = match kind {
        Kind::CheckoutCompleted => generator.into_root_schema_for::<Message<Checkout>>(),
        Kind::FulfillmentTriggered => generator.into_root_schema_for::<Message<Fulfillment>>(),
        Kind::OrderAmended => generator.into_root_schema_for::<Message<Amendment>>(),
        Kind::RefundUpdated => generator.into_root_schema_for::<Message<RefundUpdate>>(),
    };
    let mut schema = schema.to_value();
    name(&mut schema, kind.name());
    // a dot may stand for the hyphen
    schema["properties"]["type"] = json!({ "enum": [kind.name(), kind.name().replace('-', ".")] });
    schema
}

/// The schema of a result.
pub fn of_result(kind: ResultKind) -> Value {
    let generator = SchemaSettings::draft2020_12().for_serialize().into_generator();
    let mut schema = generator.into_root_schema_for::<ResultEvent>().to_value();
    name(&mut schema, kind.name());
    let outcomes: Vec<_> = Outcome::iter().filter(|outcome| outcome.kind() == kind).collect();
    let data = match kind {
        ResultKind::OrderCreated | ResultKind::OrderUpdated => {
            json!({ "properties": { "outcome": { "enum": outcomes } }, "required": ["outcome", "buyWithPrimeId"] })
        }
        ResultKind::OrderFailed => json!({ "required": ["failure"] }),
        ResultKind::MessageIgnored => {
            json!({ "properties": { "outcome": { "enum": outcomes } }, "required": ["outcome"] })
        }
    };
    let only = json!({ "type": { "const": kind }, "data": data });
    schema["allOf"] = json!([{ "properties": only }]);
    schema
}

/// Gives a schema its title and an absolute id, by which other schemas can refer to it.
fn name(schema: &mut Value, name: &str) {
    schema["title"] = json!(name);
    schema["$id"] = json!(format!("urn:bwp-sync:schemas:{name}"));
}

/// A message in the structured mode of CloudEvents 1.0. Further attributes are ignored.
#[derive(JsonSchema)]
#[expect(dead_code, reason = "only described; the envelope is read in three modes")]
struct Message<T> {
    /// Version of CloudEvents.
    #[schemars(extend("const" = "1.0"))]
    specversion: String,
    /// Id of the message, unique within its source.
    id: Text,
    /// Shop or system that sends the message.
    source: Text,
    /// Kind of message.
    #[schemars(rename = "type")]
    kind: String,
    /// Subject, usually the order id.
    subject: Option<String>,
    /// Time of the event.
    #[schemars(extend("format" = "date-time"))]
    time: Option<String>,
    /// Position among the messages of the source: a whole number or a sortable text. Of two amendments, the later one
    /// stands.
    #[schemars(extend("type" = ["string", "integer", "null"], "minimum" = 0))]
    sequence: Option<String>,
    /// Payload.
    data: T,
}

/// Allows `null` for every optional field, lists included, and removes defaults of `null`, which say nothing more.
fn null_is_absent(schema: &mut Schema) {
    let required = schema.get("required").cloned().unwrap_or_default();
    let is_required = |name: &str| required.as_array().is_some_and(|names| names.iter().any(|needed| needed == name));
    let Some(properties) = schema.get_mut("properties").and_then(Value::as_object_mut) else { return };
    for (_, property) in properties.iter_mut().filter(|(name, _)| !is_required(name)) {
        let Some(property) = property.as_object_mut() else { continue };
        property.remove("default");
        if property.get("type").is_some_and(|kind| kind == "array") {
            property.insert("type".to_owned(), json!(["array", "null"]));
        }
    }
}

/// Implements the schema for a type with its own deserializer.
macro_rules! described {
    ($type:ty, $name:literal, $schema:expr) => {
        impl JsonSchema for $type {
            fn schema_name() -> Cow<'static, str> {
                $name.into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                $schema
            }
        }
    };
}

described!(Text, "Text", json_schema!({ "description": "Not blank.", "type": "string", "pattern": r"\S" }));
described!(
    Amount,
    "Amount",
    json_schema!({
        "description": "An exact decimal, better as a text: a number may have been rounded by whoever wrote it.",
        "anyOf": [{ "type": "number", "minimum": 0 }, { "type": "string", "pattern": DECIMAL }],
    })
);
described!(
    Quantity,
    "Quantity",
    json_schema!({
        "description": "A whole number of pieces, at least one, as far as an `Int` of GraphQL goes.",
        "anyOf": [
            { "type": "integer", "minimum": 1, "maximum": i32::MAX },
            { "type": "string", "pattern": r"^0*[1-9][0-9]{0,8}(\.0+)?$" },
        ],
    })
);
described!(
    Country,
    "Country",
    json_schema!({ "description": "An alpha-2 code of ISO 3166-1.", "type": "string", "pattern": "^[A-Z]{2}$" })
);
described!(
    Currency,
    "Currency",
    json_schema!({ "description": "A code of ISO 4217.", "type": "string", "pattern": "^[A-Z]{3}$" })
);
