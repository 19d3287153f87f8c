//! What the fixtures say that is somebody's own: it must not appear in anything but calls and bodies of messages.
//! Not here: where it is looked for.

/// What the fixtures say of the shopper, and what the simulator's client must keep to itself.
/// The postal code is left out: five digits occur in any time.
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

/// The first private text in this one.
pub(crate) fn private_in(text: &str) -> Option<&'static str> {
    PRIVATE.into_iter().find(|private| text.contains(private))
}

/// Fails when there is something private in a text; `what` says what kind of text it is.
pub(crate) fn assert_nothing_private(what: &str, text: &str) {
    if let Some(private) = private_in(text) {
        panic!("{what}: {private:?} is private, in {text}");
    }
}
