//! The parts of a program that may fail, each wrapped so that an error tells which it left first.
//!
//! Not here: running the wrapped program. Errors of jq have no place. The syntax tree has places of names and numbers
//! alone: a part without one, such as `.[]`, has that of the part around it.

use jaq_core::load::lex::StrPart;
use jaq_core::load::parse::{BinaryOp, Def, Pattern, Term};
use jaq_core::load::{self, Arena};
use jaq_core::path::{Opt, Part as Access, Path};

use super::failure::offset;

/// Name of the whole program, as a filter.
pub(super) const WRAPPED: &str = "wrapped_mapping";
/// Name of the native that notes the place of an error: `input, number of the part`, with the error as its own input.
pub(super) const NOTE: &str = "!note";
/// The variable with the input of a part. No program can name it.
const INPUT: &str = "$!input";

/// A part of a program that may fail.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Part {
    /// Where it begins in the source, in bytes.
    pub(super) at: usize,
    pub(super) form: Form,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Form {
    /// A path into the input, without a step that the program calculates.
    Path(Vec<Step>),
    /// A call of a filter by its name.
    Call(String),
    /// Another one.
    Other,
}

/// A step of a path.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) struct Step {
    pub(super) access: Where,
    /// `?` stands behind it.
    pub(super) is_optional: bool,
}

#[derive(Clone, Debug, Eq, PartialEq)]
pub(super) enum Where {
    Field(String),
    Index(usize),
    Each,
}

/// A program as a definition of [`WRAPPED`], and its parts by their numbers; none where the source is no program.
pub(super) fn wrapped<'s>(source: &'s str, arena: &'s Arena) -> Option<(Def<&'s str>, Vec<Part>)> {
    let program = load::parse(source, |parser| parser.term())?;
    let mut wrapping = Wrapping { source, arena, own: Vec::new(), parts: Vec::new() };
    let body = wrapping.term(program);
    Some((Def { name: WRAPPED, args: Vec::new(), body }, wrapping.parts))
}

struct Wrapping<'s> {
    source: &'s str,
    arena: &'s Arena,
    /// Filters that the program defines, and their arguments. They are wrapped inside: a wrapped call would let a
    /// recursion take more memory.
    own: Vec<&'s str>,
    parts: Vec<Part>,
}

impl<'s> Wrapping<'s> {
    fn term(&mut self, term: Term<&'s str>) -> Term<&'s str> {
        match term {
            Term::Id | Term::Recurse | Term::Num(_) | Term::Var(_) | Term::Break(_) | Term::Arr(None) => term,
            // an error that the program catches itself is none
            Term::TryCatch(..) => term,
            Term::Arr(Some(inner)) => Term::Arr(Some(self.boxed(*inner))),
            Term::Str(format, parts) => {
                let part = |part| match part {
                    StrPart::Term(inner) => StrPart::Term(self.term(inner)),
                    StrPart::Str(text) => StrPart::Str(text),
                    StrPart::Char(char) => StrPart::Char(char),
                };
                Term::Str(format, parts.into_iter().map(part).collect())
            }
            Term::Obj(fields) => Term::Obj(fields.into_iter().map(|(key, value)| self.field(key, value)).collect()),
            Term::Neg(inner) => {
                let at = self.start(&inner);
                let negative = Term::Neg(self.boxed(*inner));
                self.wrap(negative, at, Form::Other)
            }
            Term::BinOp(left, operator, right) => self.operation(*left, operator, *right),
            Term::Label(name, inner) => Term::Label(name, self.boxed(*inner)),
            Term::Fold(name, over, pattern, steps) => {
                let over = self.boxed(*over);
                Term::Fold(name, over, pattern, self.all(steps))
            }
            Term::IfThenElse(cases, other) => {
                let cases = cases.into_iter().map(|(is, then)| (self.term(is), self.term(then))).collect();
                Term::IfThenElse(cases, other.map(|other| self.boxed(*other)))
            }
            Term::Def(definitions, inner) => {
                for definition in &definitions {
                    self.own.push(definition.name);
                    self.own.extend(&definition.args);
                }
                let body = |it: Def<&'s str>| Def { body: self.term(it.body), ..it };
                let definitions = definitions.into_iter().map(body).collect();
                Term::Def(definitions, self.boxed(*inner))
            }
            Term::Call(name, args) => {
                // `del` writes to the paths of its argument
                let args = if name == "del" { args } else { self.all(args) };
                let call = Term::Call(name, args);
                if self.own.contains(&name) {
                    return call;
                }
                self.wrap(call, offset(self.source, name), Form::Call(name.to_owned()))
            }
            Term::Path(head, path) => self.path(*head, path),
        }
    }

    fn boxed(&mut self, term: Term<&'s str>) -> Box<Term<&'s str>> {
        Box::new(self.term(term))
    }

    fn all(&mut self, terms: Vec<Term<&'s str>>) -> Vec<Term<&'s str>> {
        terms.into_iter().map(|term| self.term(term)).collect()
    }

    fn operation(&mut self, left: Term<&'s str>, operator: BinaryOp<&'s str>, right: Term<&'s str>) -> Term<&'s str> {
        // the left side of an assignment is a path to be written, which may not be wrapped
        let is_written =
            matches!(operator, BinaryOp::Assign | BinaryOp::Update | BinaryOp::UpdateMath(_) | BinaryOp::UpdateAlt);
        let at = self.start(&left).or_else(|| self.start(&right));
        let calculates = matches!(operator, BinaryOp::Math(_));
        let left = if is_written { Box::new(left) } else { self.boxed(left) };
        let operation = Term::BinOp(left, operator, self.boxed(right));
        if calculates { self.wrap(operation, at, Form::Other) } else { operation }
    }

    /// A field of an object; `{id}` is `{id: .id}`.
    fn field(&mut self, key: Term<&'s str>, value: Option<Term<&'s str>>) -> (Term<&'s str>, Option<Term<&'s str>>) {
        let value = match (&key, value) {
            (Term::Str(None, _), None) => {
                let path = Path(vec![(Access::Index(key.clone()), Opt::Essential)]);
                Term::Path(Box::default(), path)
            }
            (_, None) => return (key, None),
            (_, Some(value)) => value,
        };
        let at = self.start(&key);
        let value = self.term(value);
        (self.term(key), Some(self.wrap(value, at, Form::Other)))
    }

    fn path(&mut self, head: Term<&'s str>, Path(accesses): Path<Term<&'s str>>) -> Term<&'s str> {
        let at = self.start(&head).or_else(|| accesses.iter().find_map(|(access, _)| self.start_of_access(access)));
        let steps: Option<Vec<_>> = match head {
            Term::Id => accesses.iter().map(step).collect(),
            _ => None,
        };
        let head = self.boxed(head);
        let accesses = accesses.into_iter().map(|(access, optional)| {
            let access = match access {
                Access::Index(index) => Access::Index(self.term(index)),
                Access::Range(from, to) => Access::Range(from.map(|from| self.term(from)), to.map(|to| self.term(to))),
            };
            (access, optional)
        });
        let path = Term::Path(head, Path(accesses.collect()));
        self.wrap(path, at, steps.map_or(Form::Other, Form::Path))
    }

    /// `. as $input | try TERM catch note($input; NUMBER)`. A part without a place is left to the part around it.
    fn wrap(&mut self, term: Term<&'s str>, at: Option<usize>, form: Form) -> Term<&'s str> {
        let Some(at) = at else { return term };
        let number: &'s str = self.arena.alloc(self.parts.len().to_string());
        self.parts.push(Part { at, form });
        let note = Term::Call(NOTE, vec![Term::Var(INPUT), Term::Num(number)]);
        let tried = Term::TryCatch(Box::new(term), Some(Box::new(note)));
        Term::BinOp(Box::default(), BinaryOp::Pipe(Some(Pattern::Var(INPUT))), Box::new(tried))
    }

    /// Where a term begins, as far as its names and numbers tell.
    fn start(&self, term: &Term<&'s str>) -> Option<usize> {
        match term {
            Term::Num(text) | Term::Var(text) | Term::Call(text, _) | Term::Str(Some(text), _) => {
                offset(self.source, text)
            }
            Term::Str(None, parts) => parts.iter().find_map(|part| match part {
                StrPart::Str(text) => offset(self.source, text),
                StrPart::Term(_) | StrPart::Char(_) => None,
            }),
            Term::BinOp(left, _, right) => self.start(left).or_else(|| self.start(right)),
            Term::Neg(inner) | Term::Arr(Some(inner)) => self.start(inner),
            Term::Obj(fields) => fields.first().and_then(|(key, _)| self.start(key)),
            Term::Path(head, Path(accesses)) => {
                self.start(head).or_else(|| accesses.iter().find_map(|(access, _)| self.start_of_access(access)))
            }
            Term::Id
            | Term::Recurse
            | Term::Arr(None)
            | Term::Label(..)
            | Term::Break(_)
            | Term::Fold(..)
            | Term::TryCatch(..)
            | Term::IfThenElse(..)
            | Term::Def(..) => None,
        }
    }

    /// Where an access begins: at its dot.
    fn start_of_access(&self, access: &Access<Term<&'s str>>) -> Option<usize> {
        let Access::Index(index) = access else { return None };
        let at = self.start(index)?;
        let before = self.source.get(..at)?;
        let sign = [".[\"", ".\"", ".[", "."].into_iter().find(|sign| before.ends_with(sign));
        Some(at - sign.map_or(0, str::len))
    }
}

/// A step as the source has it; none where the program calculates it.
fn step((access, optional): &(Access<Term<&str>>, Opt)) -> Option<Step> {
    let access = match access {
        Access::Index(Term::Str(None, parts)) => match parts[..] {
            [StrPart::Str(name)] => Where::Field(name.to_owned()),
            _ => return None,
        },
        Access::Index(Term::Num(number)) => Where::Index(number.parse().ok()?),
        Access::Range(None, None) => Where::Each,
        Access::Index(_) | Access::Range(..) => return None,
    };
    Some(Step { access, is_optional: matches!(optional, Opt::Optional) })
}
