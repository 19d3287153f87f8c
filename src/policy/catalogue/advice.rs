//! Advice to operators that several places of the catalogue give.
//!
//! Not here: advice on one error alone, which stands in its row.

pub(super) const CANCELLED: &str = "the order is cancelled: tell the shop, create a new order if it is still wanted";

/// Advice on a code that stands in no row.
pub const UNLISTED_ACTION: &str = "the API does not document this code: read its message, mend the message, replay";

/// Advice on a checkout whose order exists with other contents: the shop has edited that order.
pub const EDITED_ACTION: &str = "send total, tax and address of the edited order as `order-amended`; for other lines, \
                                 cancel the order and create it anew under another id";

/// Advice on a body that its mapping made no message of.
pub const UNMAPPED_ACTION: &str = "mend the mapping and restart the worker, then `dead-letters replay --mapping NAME`";

/// Advice on a mapped message that cannot be read.
pub const MAPPED_ACTION: &str = "mend the mapping and restart the worker, then `dead-letters replay --mapping NAME`; \
                                 `--set` and `--patch` change the mapped message of one order";

/// Advice on a query that the API itself refuses.
pub const QUERY_ACTION: &str =
    "the API does not take this worker's query: check `api.version`, update the worker, replay";
