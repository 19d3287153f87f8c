//! The GraphQL engine over one schema: a request becomes root calls with checked arguments, results become `data`.
//! Not here: effects of a call (`service`), HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use apollo_compiler::ast::{Document, OperationType, Type};
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::resolvers::{Execution, FieldError, ObjectValue, ResolveInfo, ResolvedValue};
use apollo_compiler::response::{GraphQLError, JsonMap, JsonValue};
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::validation::{DiagnosticList, Valid};
use apollo_compiler::{ExecutableDocument, Schema};
use serde::Deserialize;
use serde_json::{Map, Value, json};

/// The schema for each value of `x-api-version`: a part that all versions share, and their own.
const DIALECTS: &[(&str, &str)] = &[
    ("2024-11-01", concat!(include_str!("schema/common.graphql"), include_str!("schema/2024-11-01.graphql"))),
    ("2024-04-01", concat!(include_str!("schema/common.graphql"), include_str!("schema/2024-04-01.graphql"))),
];

/// The schemas that are in force, by their versions.
#[derive(Debug)]
pub(super) struct Dialects(RwLock<Schemas>);

type Schemas = HashMap<&'static str, Arc<Valid<Schema>>>;

/// Body of a GraphQL request.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Request {
    query: String,
    #[serde(default)]
    variables: Option<JsonMap>,
    #[serde(default)]
    operation_name: Option<String>,
}

/// One field of the root type, with complete and type-checked arguments: no nulls, decimals as numbers.
#[derive(Debug)]
pub(super) struct RootCall {
    pub(super) response_key: String,
    pub(super) field: String,
    pub(super) arguments: Map<String, Value>,
}

/// A request that fits the schema.
#[derive(Debug)]
pub(super) struct Prepared<'a> {
    schema: &'a Valid<Schema>,
    document: Valid<ExecutableDocument>,
    operation_name: Option<String>,
    variables: Valid<JsonMap>,
}

/// Entries of `errors[]` for a request that does not fit the schema.
#[derive(Debug)]
pub(super) struct Refused(pub(super) Vec<Value>);

impl Dialects {
    /// Reads the schema files that are part of the program, without these fields of answers, each `Type.field`.
    pub(super) fn load(without: &[String]) -> Result<Self, String> {
        schemas(without).map(|schemas| Self(RwLock::new(schemas)))
    }

    /// From now on no schema has these fields of answers, each `Type.field`.
    pub(super) fn leave_out(&self, fields: &[String]) -> Result<(), String> {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = schemas(fields)?;
        Ok(())
    }

    pub(super) fn get(&self, version: &str) -> Option<Arc<Valid<Schema>>> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).get(version).cloned()
    }
}

fn schemas(without: &[String]) -> Result<Schemas, String> {
    let parsed = DIALECTS.iter().map(|(version, text)| {
        let mut schema = Schema::parse(*text, *version).map_err(|error| error.errors.to_string())?;
        for field in without {
            remove(&mut schema, field);
        }
        let schema = schema.validate().map_err(|error| error.errors.to_string())?;
        Ok((*version, Arc::new(schema)))
    });
    parsed.collect()
}

/// Removes a field of an answer; a version that has none of this name is left as it is.
fn remove(schema: &mut Schema, field: &str) {
    let Some((owner, field)) = field.split_once('.') else { return };
    if let Some(ExtendedType::Object(owner)) = schema.types.get_mut(owner) {
        owner.make_mut().fields.shift_remove(field);
    }
}

/// Checks a request against the schema and lists its root calls.
pub(super) fn prepare(schema: &Valid<Schema>, request: Request) -> Result<(Prepared<'_>, Vec<RootCall>), Refused> {
    let parsed = Document::parse(request.query, "request").map_err(|error| refused(&error.errors, "InvalidSyntax"))?;
    let document = parsed.to_executable_validate(schema).map_err(|error| refused(&error.errors, "ValidationError"))?;
    let of_request = |error: apollo_compiler::request::RequestError| {
        Refused(vec![plain_error(&error.to_graphql_error(&document.sources), "ValidationError")])
    };
    let operation = document.operations.get(request.operation_name.as_deref()).map_err(of_request)?;
    let variables =
        coerce_variable_values(schema, operation, &request.variables.unwrap_or_default()).map_err(of_request)?;
    let prepared = Prepared { schema, document, operation_name: request.operation_name, variables };
    let calls = prepared.calls()?;
    Ok((prepared, calls))
}

impl Prepared<'_> {
    /// The `data` of the answer, from the result of each root call by its response key; absent results are null.
    pub(super) fn data(&self, results: Map<String, Value>) -> Result<Value, Refused> {
        self.execute(&Object { type_name: self.root_type(), fields: &results })
    }

    fn calls(&self) -> Result<Vec<RootCall>, Refused> {
        let recorder = Recorder { type_name: self.root_type(), calls: Mutex::default() };
        self.execute(&recorder)?;
        Ok(recorder.calls.into_inner().unwrap_or_else(PoisonError::into_inner))
    }

    fn execute(&self, root: &dyn ObjectValue) -> Result<Value, Refused> {
        let of_request = |error: apollo_compiler::request::RequestError| {
            Refused(vec![plain_error(&error.to_graphql_error(&self.document.sources), "ValidationError")])
        };
        let response = Execution::new(self.schema, &self.document)
            .operation_name(self.operation_name.as_deref())
            .map_err(of_request)?
            .coerced_variable_values(&self.variables)
            .enable_schema_introspection(true)
            .execute_sync(root)
            .map_err(of_request)?;
        if response.errors.is_empty() {
            return Ok(json!(response.data));
        }
        Err(Refused(response.errors.iter().map(|error| plain_error(error, "ValidationError")).collect()))
    }

    fn root_type(&self) -> &'static str {
        let operation = self.document.operations.get(self.operation_name.as_deref());
        match operation.map(|operation| operation.operation_type) {
            Ok(OperationType::Mutation) => "Mutation",
            Ok(OperationType::Query | OperationType::Subscription) | Err(_) => "Query",
        }
    }
}

/// A root object that records the requested fields with their arguments, and answers null.
struct Recorder {
    type_name: &'static str,
    calls: Mutex<Vec<RootCall>>,
}

impl ObjectValue for Recorder {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let mut arguments = Map::new();
        for definition in &info.field_definition().arguments {
            let Some(value) = info.arguments().get(definition.name.as_str()) else { continue };
            let value = normalized(info.schema(), &definition.ty, from_engine(value))
                .map_err(|message| FieldError { message })?;
            arguments.insert(definition.name.to_string(), value);
        }
        let response_key = info.field_selections().first().map(|field| field.response_key().to_string());
        let call =
            RootCall { response_key: response_key.unwrap_or_default(), field: info.field_name().to_owned(), arguments };
        self.calls.lock().unwrap_or_else(PoisonError::into_inner).push(call);
        Ok(ResolvedValue::null())
    }
}

/// A JSON object as an object of the schema. Its fields are members of the JSON object, or response keys at the root.
struct Object<'a> {
    type_name: &'a str,
    fields: &'a Map<String, Value>,
}

impl ObjectValue for Object<'_> {
    fn type_name(&self) -> &str {
        self.type_name
    }

    fn resolve_field<'a>(&'a self, info: &'a ResolveInfo<'a>) -> Result<ResolvedValue<'a>, FieldError> {
        let is_root = matches!(self.type_name, "Query" | "Mutation");
        let selection = info.field_selections().first();
        let name = selection.filter(|_| is_root).map_or(info.field_name(), |field| field.response_key().as_str());
        Ok(self
            .fields
            .get(name)
            .map_or_else(ResolvedValue::null, |value| resolved(value, info.field_definition().ty.inner_named_type())))
    }
}

fn resolved<'a>(value: &'a Value, type_name: &'a str) -> ResolvedValue<'a> {
    match value {
        Value::Array(items) => ResolvedValue::list(items.iter().map(|item| resolved(item, type_name))),
        Value::Object(fields) => ResolvedValue::object(Object { type_name, fields }),
        leaf => ResolvedValue::leaf(to_engine(leaf)),
    }
}

/// Removes nulls, which this API treats as absent, and turns each decimal into a number, exactly.
fn normalized(schema: &Schema, ty: &Type, value: Value) -> Result<Value, String> {
    match (value, schema.types.get(ty.inner_named_type())) {
        (Value::Array(items), _) => items.into_iter().map(|item| normalized(schema, ty.item_type(), item)).collect(),
        (Value::Object(members), Some(ExtendedType::InputObject(definition))) => {
            let present = members.into_iter().filter(|(_, member)| !member.is_null());
            let normal = present.map(|(name, member)| {
                let field = definition.fields.get(name.as_str()).ok_or_else(|| format!("unknown field {name}"))?;
                Ok((name, normalized(schema, &field.ty, member)?))
            });
            normal.collect::<Result<Map<_, _>, String>>().map(Value::Object)
        }
        (value, Some(ExtendedType::Scalar(scalar))) if scalar.name == "Decimal" => exact_number(value),
        (value, _) => Ok(value),
    }
}

fn exact_number(value: Value) -> Result<Value, String> {
    let number = match value {
        Value::Number(number) => Some(number),
        Value::String(text) => text.parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    };
    number.map(Value::Number).ok_or_else(|| "expected a decimal as a JSON number or a JSON string".to_owned())
}

fn refused(diagnostics: &DiagnosticList, classification: &str) -> Refused {
    Refused(diagnostics.iter().map(|diagnostic| plain_error(&diagnostic.to_json(), classification)).collect())
}

/// An error of the request itself: here `classification` is a plain string.
fn plain_error(error: &GraphQLError, classification: &str) -> Value {
    let mut error = json!(error);
    error["extensions"] = json!({ "classification": classification });
    error
}

fn from_engine(value: &JsonValue) -> Value {
    match value {
        JsonValue::Null => Value::Null,
        JsonValue::Bool(value) => Value::Bool(*value),
        JsonValue::Number(number) => Value::Number(number.clone()),
        JsonValue::String(text) => Value::from(text.as_str()),
        JsonValue::Array(items) => items.iter().map(from_engine).collect(),
        JsonValue::Object(members) => {
            members.iter().map(|(name, member)| (name.as_str().to_owned(), from_engine(member))).collect()
        }
    }
}

/// Converts leaves only: objects and lists are resolved member by member.
fn to_engine(leaf: &Value) -> JsonValue {
    match leaf {
        Value::Bool(value) => JsonValue::Bool(*value),
        Value::Number(number) => JsonValue::Number(number.clone()),
        Value::String(text) => JsonValue::from(text.as_str()),
        Value::Null | Value::Array(_) | Value::Object(_) => JsonValue::Null,
    }
}
