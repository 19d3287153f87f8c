//! Where a program failed on a body, and which fields the body has there.
//!
//! Not here: which parts a program has. The names of a body's fields are for the person whose body it is: a hint must not
//! reach a letter or a log.

use jaq_core::load::parse::Def;
use jaq_core::load::{Arena, File, Loader};
use jaq_core::native::{Fun, bome, run, v};
use jaq_core::{Compiler, Filter};
use jaq_json::{Error, Map, Rc, Val};
use serde::{Deserialize, Serialize};

use super::failure::{Place, kind_of};
use super::library::{Data, definitions, natives};
use super::parts::{Form, NOTE, Part, Step, WRAPPED, Where, wrapped};
use super::run::{Ended, Input, VARIABLES, evaluated};

/// Marks an error whose place is noted.
const NOTED: &str = "noted by bwp-sync";
/// Most names of fields in a hint.
const MOST_NAMES: usize = 20;

/// Where a program failed.
#[derive(Clone, Debug, Deserialize, Eq, PartialEq, Serialize)]
pub struct Explained {
    /// The part of the program that raised the error.
    pub place: Place,
    /// The fields that the body has there: names, and no value.
    pub hint: Option<String>,
}

/// Runs a program, and if it raises an error once more with every part wrapped. Both runs must raise the same error: of
/// another one the place would not be true.
pub(super) fn explained(source: &str, filter: &Filter<Data>, input: &Input<'_>) -> Option<Explained> {
    let Err(Ended::Raised(plain)) = evaluated(filter, input) else { return None };
    let arena = Arena::default();
    let (program, parts) = wrapped(source, &arena)?;
    let filter = compiled(&arena, program)?;
    let Err(Ended::Raised(error)) = evaluated(&filter, input) else { return None };
    let Val::Arr(noted) = error.into_val() else { return None };
    let [Val::TStr(mark), number, before, error] = noted.as_slice() else { return None };
    if mark[..] != *NOTED.as_bytes() || *error != plain.into_val() {
        return None;
    }
    let part = parts.get(usize::try_from(number_of(number)?).ok()?)?;
    Some(Explained { place: Place::of(source, part.at), hint: hint(part, before) })
}

fn compiled<'s>(arena: &'s Arena, program: Def<&'s str>) -> Option<Filter<Data>> {
    fn shorter<'s>(def: Def<&'static str>) -> Def<&'s str> {
        def
    }
    let definitions = definitions().map(shorter).chain([program]);
    let modules = Loader::new(definitions).load(arena, File { code: WRAPPED, path: () }).ok()?;
    let compiler = Compiler::<_, Data>::default().with_funs(natives().chain([note()]));
    compiler.with_global_vars(VARIABLES).compile(modules).ok()
}

/// The native that notes the place of an error, unless a part within has noted one.
fn note() -> Fun<Data> {
    run::<Data>((NOTE, v(2), |mut cv| {
        let (number, before) = (cv.0.pop_var(), cv.0.pop_var());
        let is_noted = match &cv.1 {
            Val::Arr(parts) => matches!(parts.first(), Some(Val::TStr(mark)) if mark[..] == *NOTED.as_bytes()),
            _ => false,
        };
        let noted =
            if is_noted { cv.1 } else { Val::Arr(Rc::new(vec![Val::from(NOTED.to_owned()), number, before, cv.1])) };
        bome(Err(Error::new(noted)))
    }))
}

fn number_of(value: &Val) -> Option<isize> {
    match value {
        Val::Num(number) => number.as_isize(),
        _ => None,
    }
}

/// The input of a part, or where its path came to an end.
fn hint(part: &Part, before: &Val) -> Option<String> {
    match &part.form {
        Form::Path(steps) => {
            let end = Walk { at: String::new(), nothing: None }.end(before, steps)?;
            Some(format!("`{}`: {end}", shown(steps)))
        }
        // its author has said what is wrong
        Form::Call(name) if name == "error" => None,
        Form::Call(name) => Some(format!("`{name}` gets {}", described(before))),
        Form::Other => None,
    }
}

/// A walk along a path.
struct Walk {
    /// Where it stands.
    at: String,
    /// Why there is null here.
    nothing: Option<String>,
}

impl Walk {
    /// Why the path leads no further; none where it leads to its end.
    fn end(self, value: &Val, steps: &[Step]) -> Option<String> {
        let [step, rest @ ..] = steps else { return None };
        let to = |at: String, next: &Val, nothing: Option<String>| Self { at, nothing }.end(next, rest);
        let here = self.here();
        match (&step.access, value) {
            (Where::Field(name), Val::Obj(fields)) => {
                let at = format!("{}{}", self.at, field(name));
                match fields.get(&Val::from(name.clone())) {
                    Some(next) => to(at, next, None),
                    None => to(at, &Val::Null, Some(format!("`{here}` has no `{name}`, {}", its_fields(fields)))),
                }
            }
            (Where::Index(index), Val::Arr(values)) => {
                let at = format!("{}[{index}]", self.at);
                to(at, values.get(*index).unwrap_or(&Val::Null), None)
            }
            (Where::Each, Val::Arr(values)) => {
                let mut values = values.iter().enumerate();
                values.find_map(|(index, next)| to(format!("{}[{index}]", self.at), next, None))
            }
            (Where::Each, Val::Obj(fields)) => {
                fields.iter().find_map(|(name, next)| to(format!("{}{}", self.at, key(name)), next, None))
            }
            (Where::Field(_) | Where::Index(_), Val::Null) => {
                let nothing = self.nothing.unwrap_or_else(|| format!("`{here}` is null"));
                to(self.at, &Val::Null, Some(nothing))
            }
            // an object may have a number as a name, and a text has characters
            (Where::Index(_), Val::Obj(_) | Val::TStr(_) | Val::BStr(_)) => None,
            _ if step.is_optional => None,
            (Where::Each, Val::Null) => Some(self.nothing.unwrap_or_else(|| format!("`{here}` is null"))),
            _ => Some(format!("`{here}` is {}", kind_of(value))),
        }
    }

    fn here(&self) -> String {
        if self.at.starts_with('.') { self.at.clone() } else { format!(".{}", self.at) }
    }
}

/// A path as a program has it.
fn shown(steps: &[Step]) -> String {
    let mut path = String::new();
    for step in steps {
        match &step.access {
            Where::Field(name) => path.push_str(&field(name)),
            Where::Index(index) => path.push_str(&format!("[{index}]")),
            Where::Each => path.push_str("[]"),
        }
        path.push_str(if step.is_optional { "?" } else { "" });
    }
    if path.starts_with('.') { path } else { format!(".{path}") }
}

fn field(name: &str) -> String {
    let is_word = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if is_word { format!(".{name}") } else { format!(".\"{name}\"") }
}

fn key(name: &Val) -> String {
    match name {
        Val::TStr(name) => field(&String::from_utf8_lossy(name)),
        _ => "[…]".to_owned(),
    }
}

fn described(value: &Val) -> String {
    match value {
        Val::Obj(fields) => format!("an object, {}", its_fields(fields)),
        _ => kind_of(value).to_owned(),
    }
}

/// The names of an object's fields, as far as a person reads them.
fn its_fields(fields: &Map) -> String {
    let names: Vec<_> = fields.keys().map(|name| key(name).trim_start_matches('.').to_owned()).collect();
    match names.len() {
        0 => "it is empty".to_owned(),
        1..=MOST_NAMES => format!("it has: {}", names.join(", ")),
        more => format!("it has: {} and {} more", names[..MOST_NAMES].join(", "), more - MOST_NAMES),
    }
}

#[cfg(test)]
mod tests;
