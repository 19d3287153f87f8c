//! A filter as the query of an address, which can be sent to a colleague. PURE: time is an argument.
//!
//! Not here: the filter itself.

use jiff::Timestamp;
use url::form_urlencoded;

use super::form::Fields;
use crate::dead_letters::filter::{Filter, moment, replays};

/// Fields of the form, with what they are called and an example of each.
pub(super) const FIELDS: [(&str, &str, &str); 10] = [
    ("code", "Code", "ItemOutOfStock"),
    ("order", "Order", "SO-1001"),
    ("text", "Words of the reason", "out of stock"),
    ("since", "Not older than", "2h, 7d or a time"),
    ("until", "Older than", "2h, 7d or a time"),
    ("operation", "Operation", "createOrder"),
    ("class", "Class", "rejected"),
    ("type", "Type", "ValidationError"),
    ("mapping", "Mapping", "shop-orders"),
    ("replays", "Replayed", "0, 2 or 1.."),
];

/// The field with the number of the page, which selects nothing.
pub(super) const PAGE: &str = "page";

/// A filter, and the query that stands for it.
#[derive(Debug)]
pub(super) struct Query {
    pub(super) filter: Filter,
    /// Fields that select something.
    fields: Vec<(String, String)>,
    /// Fields that cannot be read.
    pub(super) faults: Vec<String>,
}

impl Query {
    /// The filter of a query's fields. An unknown field is a fault: without it more letters would match.
    pub(super) fn read(fields: &Fields, now: Timestamp) -> Self {
        let told = fields.iter().filter(|(name, value)| *name != PAGE && !value.trim().is_empty());
        let fields: Vec<_> = told.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect();
        let mut query = Self { filter: Filter::default(), fields: Vec::new(), faults: Vec::new() };
        for (name, value) in &fields {
            if let Err(why) = query.take(name, value, now) {
                query.faults.push(format!("{name}: {why}"));
            }
        }
        query.fields = fields;
        query
    }

    /// The filter of a query as text.
    pub(super) fn of(text: &str, now: Timestamp) -> Self {
        Self::read(&Fields::read(text.as_bytes()), now)
    }

    fn take(&mut self, name: &str, value: &str, now: Timestamp) -> Result<(), String> {
        let list = || {
            let parts = value.split(',').map(|part| part.trim().to_owned()).filter(|part| !part.is_empty());
            let parts: Vec<_> = parts.collect();
            if parts.is_empty() {
                Err("expected a name, or several with commas between them".to_owned())
            } else {
                Ok(parts)
            }
        };
        let filter = &mut self.filter;
        match name {
            "code" => filter.codes.extend(list()?),
            "order" => filter.orders.push(value.to_owned()),
            "operation" => filter.operations.extend(list()?),
            "class" => filter.classes.extend(list()?),
            "type" => filter.types.extend(list()?),
            "mapping" => filter.mappings.extend(list()?),
            "text" => filter.text = Some(value.to_owned()),
            "since" => filter.since = Some(moment(value, now)?),
            "until" => filter.until = Some(moment(value, now)?),
            "replays" => filter.replays = Some(replays(value)?),
            _ => return Err("there is no such filter".to_owned()),
        }
        Ok(())
    }

    /// The value of a field, as it was told.
    pub(super) fn value(&self, name: &str) -> String {
        let values = self.fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str());
        values.collect::<Vec<_>>().join(",")
    }

    /// The query as text, with further fields.
    pub(super) fn text(&self, more: &[(&str, &str)]) -> String {
        let mut text = form_urlencoded::Serializer::new(String::new());
        text.extend_pairs(&self.fields).extend_pairs(more);
        text.finish()
    }

    /// The filter in words.
    pub(super) fn words(&self) -> String {
        if self.fields.is_empty() {
            return "all that there are".to_owned();
        }
        let name = |field: &str| FIELDS.iter().find(|it| it.0 == field).map_or("", |it| it.1).to_lowercase();
        let parts = self.fields.iter().map(|(field, value)| format!("{} {value}", name(field)));
        format!("those with {}", parts.collect::<Vec<_>>().join(", "))
    }
}

/// The address of the list with one value of a field.
pub(super) fn list_of(field: &str, value: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair(field, value).finish();
    format!("/letters?{query}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(text: &str) -> Query {
        Query::of(text, Timestamp::from_second(1_800_000_000).unwrap())
    }

    #[test]
    fn a_query_is_a_filter_and_stays_the_same_query() {
        let text = "code=A%2CB&order=SO-1&text=out+of&since=2h&replays=1..&class=rejected&type=T&operation=o&mapping=m&until=1h";
        let read = query(&format!("{text}&page=3&code="));
        assert_eq!(read.faults, Vec::<String>::new());
        assert_eq!(read.filter.codes, ["A", "B"]);
        assert_eq!(read.filter.since.unwrap().as_second(), 1_800_000_000 - 7200);
        assert_eq!(read.filter.replays, Some(1..=u32::MAX));
        assert_eq!(query(&read.text(&[])).filter, read.filter);
        assert_eq!(read.text(&[]), text);
        assert_eq!(query("order=SO-1").words(), "those with order SO-1");
        assert_eq!(query("").words(), "all that there are");
    }

    #[test]
    fn every_field_of_the_form_selects_something() {
        for (name, _, _) in FIELDS {
            let value = match name {
                "since" | "until" => "2h",
                "replays" => "1",
                _ => "x",
            };
            let read = query(&format!("{name}={value}"));
            assert!(read.faults.is_empty() && !read.filter.is_empty(), "{name}");
        }
        assert_eq!(query("since=soon&replays=x").faults.len(), 2);
        assert_eq!((query("code=%2C").faults.len(), query("codes=X").faults.len()), (1, 1));
        assert_eq!(query("order=SO-1%2C2").filter.orders, ["SO-1,2"]);
    }
}
