//! Values that a schema allows, to stand in the place of wrong ones.
//!
//! Not here: schemas; which value is wrong.

use serde_json::{Map, Value, json};

/// A time that is always to come.
const FAR: &str = "9000-01-01T00:00:00Z";

/// Makes values by one schema. Each free text is another one, so that no id is given twice.
#[derive(Debug)]
pub(super) struct Samples<'s> {
    root: &'s Value,
    texts: usize,
}

impl<'s> Samples<'s> {
    pub(super) fn of(root: &'s Value) -> Self {
        Self { root, texts: 0 }
    }

    /// The value of least size that the schema at a path from the root allows; none where there is no such field.
    pub(super) fn at<'p>(&mut self, path: impl Iterator<Item = &'p str>) -> Option<Value> {
        let mut places = vec![self.root];
        for step in path {
            let objects: Vec<&Value> = places.iter().flat_map(|place| resolved(self.root, place)).collect();
            let fields = objects.iter().filter_map(|object| object["properties"].get(step));
            let items = objects.iter().filter_map(|object| object.get("items")).filter(|_| is_index(step));
            places = fields.chain(items).collect();
        }
        places.first().and_then(|schema| self.of_schema(schema))
    }

    fn of_schema(&mut self, schema: &'s Value) -> Option<Value> {
        if let Some(reference) = schema["$ref"].as_str() {
            let target = self.root.pointer(reference.trim_start_matches('#'))?;
            return self.of_schema(target);
        }
        if let Some(value) = schema.get("const") {
            return Some(value.clone());
        }
        if let Some(values) = schema["enum"].as_array() {
            return values.first().cloned();
        }
        let kind = match &schema["type"] {
            Value::Array(kinds) => kinds.first().and_then(Value::as_str),
            kind => kind.as_str(),
        };
        match kind {
            Some("object") => self.object(schema).map(Value::Object),
            Some("array") => {
                let least = schema["minItems"].as_u64().unwrap_or_default();
                let items = (0..least).map(|_| self.of_schema(&schema["items"])).collect::<Option<Vec<_>>>();
                items.map(Value::Array)
            }
            Some("string") => Some(self.text(schema).into()),
            Some("number" | "integer") => Some(json!(1)),
            Some("boolean") => Some(json!(false)),
            _ => {
                let first = alternatives(schema).find(|it| it["type"] != "null");
                first.and_then(|schema| self.of_schema(schema))
            }
        }
    }

    /// An object with what is required, also by the first of its alternatives.
    fn object(&mut self, schema: &'s Value) -> Option<Map<String, Value>> {
        let first = alternatives(schema).next().unwrap_or(&Value::Null);
        let required = [schema, first].into_iter().filter_map(|part| part["required"].as_array()).flatten();
        let mut fields = Map::new();
        for name in required.filter_map(Value::as_str) {
            let narrow = first["properties"].get(name);
            let field = narrow.or_else(|| schema["properties"].get(name))?;
            fields.insert(name.to_owned(), self.of_schema(field)?);
        }
        // an alternative may narrow a field that is required anyway
        for (name, field) in first["properties"].as_object().into_iter().flatten() {
            if fields.contains_key(name) {
                fields.insert(name.clone(), self.of_schema(field)?);
            }
        }
        Some(fields)
    }

    fn text(&mut self, schema: &Value) -> String {
        if schema["format"] == "date-time" {
            return FAR.to_owned();
        }
        self.texts += 1;
        let free = format!("sample-{}", self.texts);
        let pattern = schema["pattern"].as_str().and_then(|pattern| regex::Regex::new(pattern).ok());
        let Some(pattern) = pattern else { return free };
        let candidates = [free, "1".to_owned(), "US".to_owned(), "USD".to_owned()];
        candidates.iter().find(|text| pattern.is_match(text)).cloned().unwrap_or_default()
    }
}

fn is_index(step: &str) -> bool {
    !step.is_empty() && step.bytes().all(|byte| byte.is_ascii_digit())
}

fn alternatives(schema: &Value) -> impl Iterator<Item = &Value> {
    ["anyOf", "oneOf"].into_iter().filter_map(|name| schema[name].as_array()).flatten()
}

/// The schemas that a part of a schema stands for: references are followed, alternatives stand side by side.
fn resolved<'s>(root: &'s Value, part: &'s Value) -> Vec<&'s Value> {
    let mut found = vec![part];
    if let Some(name) = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        found.extend(root.pointer(name).into_iter().flat_map(|part| resolved(root, part)));
    }
    found.extend(alternatives(part).flat_map(|part| resolved(root, part)));
    found
}
