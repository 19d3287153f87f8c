//! Paths into JSON, as people write them: `lines[0].unitPrice`.
//!
//! Not here: what stands there.

use serde_json::Value;

/// A path from the root of a value.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Path(Vec<Step>);

#[derive(Clone, Debug, Eq, PartialEq)]
enum Step {
    Field(String),
    Index(usize),
}

impl Path {
    /// Reads a path as [`Path::shown`] writes it.
    pub fn read(text: &str) -> Self {
        let parts = text.split(['.', '[']).map(|part| part.trim_end_matches(']')).filter(|part| !part.is_empty());
        Self(parts.map(|part| part.parse().map_or_else(|_| Step::Field(part.to_owned()), Step::Index)).collect())
    }

    /// Paths of all texts, numbers, truth values and nulls.
    pub fn leaves(value: &Value) -> Vec<Self> {
        let (mut found, mut path) = (Vec::new(), Self::default());
        walk(value, &mut path, &mut found);
        found
    }

    /// The value that stands there.
    pub fn value<'v>(&self, root: &'v Value) -> Option<&'v Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Field(name) => value.get(name),
            Step::Index(index) => value.get(index),
        })
    }

    /// The value that stands there, to be changed.
    pub fn value_mut<'v>(&self, root: &'v mut Value) -> Option<&'v mut Value> {
        self.0.iter().try_fold(root, |value, step| match step {
            Step::Field(name) => value.get_mut(name),
            Step::Index(index) => value.get_mut(index),
        })
    }

    /// The path as people write it.
    pub fn shown(&self) -> String {
        let parts = self.0.iter().map(|step| match step {
            Step::Field(name) => format!(".{name}"),
            Step::Index(index) => format!("[{index}]"),
        });
        parts.collect::<String>().trim_start_matches('.').to_owned()
    }
}

fn walk(value: &Value, path: &mut Path, found: &mut Vec<Path>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| {
            path.0.push(Step::Field(name.clone()));
            walk(value, path, found);
            path.0.pop();
        }),
        Value::Array(values) => values.iter().enumerate().for_each(|(index, value)| {
            path.0.push(Step::Index(index));
            walk(value, path, found);
            path.0.pop();
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => found.push(path.clone()),
    }
}
