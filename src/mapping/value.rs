//! JSON bytes to jq's values and back, with every digit.
//!
//! Not here: programs.

use jaq_core::ValT as _;
use jaq_json::{Map, Rc, Val};
use serde_json::Value;
use serde_json::value::RawValue;

use super::failure::Failure;

/// A body. jq's own reader takes comments and `NaN`, and nests without a bound, so serde's reads.
pub(super) fn read(body: &[u8]) -> Result<Val, Failure> {
    let value: Value = serde_json::from_slice(body)
        .map_err(|error| Failure::of(format!("body: not JSON at line {} column {}", error.line(), error.column())))?;
    of(value)
}

/// A value of serde's as one of jq's.
pub(super) fn of(value: Value) -> Result<Val, Failure> {
    Ok(match value {
        Value::Null => Val::Null,
        Value::Bool(it) => Val::Bool(it),
        Value::Number(number) => {
            Val::from_num(&number.to_string()).map_err(|_| Failure::of("body: a number that cannot be read"))?
        }
        Value::String(text) => Val::from(text),
        Value::Array(values) => Val::Arr(Rc::new(values.into_iter().map(of).collect::<Result<_, _>>()?)),
        Value::Object(fields) => {
            let fields = fields.into_iter().map(|(name, value)| Ok((Val::from(name), of(value)?)));
            Val::Obj(Rc::new(fields.collect::<Result<Map<_, _>, Failure>>()?))
        }
    })
}

/// An answer as JSON, at most so many bytes.
pub(super) fn written(value: &Val, at_most: usize) -> Result<Box<RawValue>, Failure> {
    let mut text = Bounded { text: String::new(), at_most };
    if std::fmt::Write::write_fmt(&mut text, format_args!("{value}")).is_err() {
        return Err(Failure::of(format!("the answer has more than {at_most} bytes")));
    }
    let garbage = "the answer is no JSON: it has bytes, or a number that is infinite or none";
    RawValue::from_string(text.text).map_err(|_| Failure::of(garbage))
}

struct Bounded {
    text: String,
    at_most: usize,
}

impl std::fmt::Write for Bounded {
    fn write_str(&mut self, part: &str) -> std::fmt::Result {
        if self.text.len() + part.len() > self.at_most {
            return Err(std::fmt::Error);
        }
        self.text.push_str(part);
        Ok(())
    }
}
