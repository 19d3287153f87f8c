//! Private data in the fixtures, which must appear nowhere but in calls and bodies of messages.
//! Not here: the texts that are searched.

/// Private data of the shopper, and secrets of the simulator's client. The postal code is left out: five digits occur
/// in any time.
const PRIVATE: [&str; 8] = [
    "John",
    "Smith",
    "Boren",
    "Seattle",
    "john.smith@shop.example",
    "apay-session-id",
    "external-shopper-checkout-session-id",
    "sim-secret",
];

/// The first private text within `text`.
pub(crate) fn private_in(text: &str) -> Option<&'static str> {
    PRIVATE.into_iter().find(|private| text.contains(private))
}

/// Fails if `text` contains private data; `what` names the kind of text.
pub(crate) fn assert_nothing_private(what: &str, text: &str) {
    if let Some(private) = private_in(text) {
        panic!("{what}: {private:?} is private, in {text}");
    }
}
