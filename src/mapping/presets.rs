//! Programs that are built in, by name.
//!
//! Not here: their examples, which stand beside them.

/// Names and sources of the presets.
pub const PRESETS: [(&str, &str); 2] = [
    ("shopify", include_str!("../../config/mappings/shopify.jq")),
    ("commercetools", include_str!("../../config/mappings/commercetools.jq")),
];
