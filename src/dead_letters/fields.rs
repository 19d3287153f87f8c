//! Which fields a kind of message has, by its JSON Schema. PURE.
//!
//! Not here: changing them.

use serde_json::Value;

use crate::domain::envelope::Kind;
use crate::domain::schema::of_message;

/// Likeness of two names from which one counts as a misspelling of the other; 1 is equal.
const ALIKE: f64 = 0.6;

/// A part of a path that names no field.
#[derive(Debug, PartialEq)]
pub(super) struct Unknown {
    /// Position in the path.
    pub(super) at: usize,
    /// Names that may be meant: those that are alike, else all that exist.
    pub(super) meant: Vec<String>,
}

/// Looks up a path below `data`.
///
/// # Errors
/// The first part that names no field.
pub(super) fn look_up(kind: Kind, path: &[String]) -> Result<(), Unknown> {
    let schema = of_message(kind);
    let mut places = vec![&schema["properties"]["data"]];
    for (at, segment) in path.iter().enumerate() {
        let objects: Vec<&Value> = places.iter().flat_map(|place| resolved(&schema, place)).collect();
        let mut next: Vec<&Value> = objects.iter().filter_map(|object| object["properties"].get(segment)).collect();
        if segment.parse::<usize>().is_ok() {
            next.extend(objects.iter().filter_map(|object| object.get("items")));
        }
        if next.is_empty() {
            return Err(Unknown { at, meant: meant(segment, &objects) });
        }
        places = next;
    }
    Ok(())
}

/// The schemas that a part of a schema stands for: references are followed, alternatives stand side by side.
fn resolved<'s>(schema: &'s Value, part: &'s Value) -> Vec<&'s Value> {
    let mut found = vec![part];
    if let Some(name) = part["$ref"].as_str().and_then(|reference| reference.strip_prefix('#')) {
        found.extend(schema.pointer(name).into_iter().flat_map(|part| resolved(schema, part)));
    }
    for several in ["anyOf", "oneOf", "allOf"] {
        let parts = part[several].as_array().into_iter().flatten();
        found.extend(parts.flat_map(|part| resolved(schema, part)));
    }
    found
}

fn meant(segment: &str, objects: &[&Value]) -> Vec<String> {
    let names = objects.iter().filter_map(|object| object["properties"].as_object()).flat_map(|fields| fields.keys());
    let mut all: Vec<String> = names.cloned().collect();
    all.sort_unstable();
    all.dedup();
    let alike = |name: &&String| {
        let (name, segment) = (name.to_lowercase(), segment.to_lowercase());
        strsim::normalized_damerau_levenshtein(&name, &segment) >= ALIKE
    };
    let near: Vec<String> = all.iter().filter(alike).cloned().collect();
    if near.is_empty() { all } else { near }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unknown(kind: Kind, path: &str) -> Option<(usize, Vec<String>)> {
        let path: Vec<String> = path.split('.').map(ToOwned::to_owned).collect();
        look_up(kind, &path).err().map(|Unknown { at, meant }| (at, meant))
    }

    #[test]
    fn every_field_of_a_message_is_known() {
        for path in [
            "total",
            "lines.0.quantity",
            "lines.12.product.sku",
            "lines.0.delivery.offerId",
            "shipTo.street2",
            "shopper.identity.externalId",
            "order.aliases.0.type",
            "lines.0.bundle.product.externalId",
            "payments.0.state",
        ] {
            assert_eq!(unknown(Kind::CheckoutCompleted, path), None, "{path}");
        }
        assert_eq!(unknown(Kind::RefundUpdated, "refunds.0.payments.0.amount"), None);
        assert_eq!(unknown(Kind::OrderAmended, "addLinks.1.url"), None);
        assert_eq!(unknown(Kind::FulfillmentTriggered, "order.buyWithPrimeId"), None);
    }

    #[test]
    fn what_is_no_field_is_told_with_what_may_be_meant() {
        let meant = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        let kind = Kind::CheckoutCompleted;
        assert_eq!(unknown(kind, "lines.0.quantitiy"), Some((2, meant(&["quantity"]))));
        assert_eq!(unknown(kind, "lines.0.product.SKU"), Some((3, meant(&["sku"]))));
        assert_eq!(unknown(kind, "shipTo.postcode"), Some((1, meant(&["postalCode"]))));
        assert_eq!(unknown(kind, "lines.first.quantity"), Some((1, Vec::new())));
        assert_eq!(unknown(kind, "total.amount"), Some((1, Vec::new())));
        assert_eq!(unknown(Kind::FulfillmentTriggered, "order.zzz"), Some((1, meant(&["buyWithPrimeId", "id"]))));
    }
}
