//! The match of sent lines with stored lines.
//!
//! Not here: the comparison of the orders around them.

use super::input::LineItem;
use super::order::Alias;
use super::order::ProductIdentifier;
use super::stored::StoredLine;

/// Lines of two orders, matched as far as possible.
pub(super) struct Matching<'a> {
    /// Matched pairs, in the order of the sent lines.
    pub(super) matches: Vec<Match<'a>>,
    /// Contradictions outside the pairs.
    unmatched: Vec<String>,
}

/// A sent line and its stored line.
pub(super) struct Match<'a> {
    /// Position of the sent line, from zero.
    pub(super) position: usize,
    /// The sent line.
    pub(super) sent: &'a LineItem,
    /// The stored line.
    pub(super) stored: &'a StoredLine,
}

impl<'a> Matching<'a> {
    /// Matches lines by the alias of type `line_alias`, and the rest by product.
    pub(super) fn new(sent: &'a [LineItem], stored: &'a [StoredLine], line_alias: &str) -> Self {
        let likeness = |sent: &LineItem, stored: &StoredLine| Likeness::of(sent, stored, line_alias);
        let mut free: Vec<&StoredLine> = stored.iter().collect();
        let mut found: Vec<Option<&StoredLine>> = vec![None; sent.len()];
        // best match first: no line takes the partner of another
        for wanted in [Likeness::Alias, Likeness::ProductAndQuantity, Likeness::Product] {
            for (line, found) in sent.iter().zip(&mut found).filter(|(_, found)| found.is_none()) {
                if let Some(at) = free.iter().position(|stored| likeness(line, stored) == wanted) {
                    *found = Some(free.remove(at));
                }
            }
        }
        let lonely = |line: &LineItem| free.iter().all(|stored| likeness(line, stored) == Likeness::None);
        let lines = || sent.iter().zip(&found).enumerate();
        let mut unmatched = Vec::new();
        if sent.len() != stored.len() {
            unmatched.push(format!("lines: sent {}, stored {}", sent.len(), stored.len()));
        }
        unmatched.extend(
            lines()
                .filter(|(_, (line, found))| found.is_none() && lonely(line))
                .map(|(position, _)| format!("lines[{position}]: no such line is stored")),
        );
        let matches =
            lines().filter_map(|(position, (sent, stored))| Some(Match { position, sent, stored: (*stored)? }));
        Self { matches: matches.collect(), unmatched }
    }

    /// Differences of the pairs in fields that cannot change.
    pub(super) fn contradictions(&self) -> Vec<String> {
        self.unmatched.iter().cloned().chain(self.matches.iter().flat_map(Match::contradictions)).collect()
    }
}

impl Match<'_> {
    fn contradictions(&self) -> Vec<String> {
        let Self { position, sent, stored } = self;
        let product = (same_product(sent.product.identifier.as_ref(), stored) == Some(false))
            .then(|| format!("lines[{position}].product: another one is stored"));
        let pieces = sent.amount.value;
        let quantity = (stored.quantity.filter(|stored| *stored != pieces.decimal()))
            .map(|stored| format!("lines[{position}].quantity: sent {pieces}, stored {stored}"));
        product.into_iter().chain(quantity).collect()
    }
}

/// Evidence that two lines are one line, best first.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Likeness {
    /// Equal aliases.
    Alias,
    /// No alias to compare; equal product and quantity.
    ProductAndQuantity,
    /// No alias to compare; equal product.
    Product,
    /// No data to compare.
    Unknown,
    /// Different aliases, or different products.
    None,
}

impl Likeness {
    fn of(sent: &LineItem, stored: &StoredLine, line_alias: &str) -> Self {
        let stored_alias = stored.aliases.as_deref().and_then(|aliases| alias_of(aliases, line_alias));
        if let (Some(sent), Some(stored)) = (alias_of(&sent.aliases, line_alias), stored_alias) {
            return if sent == stored { Self::Alias } else { Self::None };
        }
        match same_product(sent.product.identifier.as_ref(), stored) {
            Some(true) if stored.quantity == Some(sent.amount.value.decimal()) => Self::ProductAndQuantity,
            Some(true) => Self::Product,
            Some(false) => Self::None,
            None => Self::Unknown,
        }
    }
}

/// Id of the alias with this type.
pub(super) fn alias_of<'a>(aliases: &'a [Alias], alias_type: &str) -> Option<&'a str> {
    aliases.iter().find(|alias| alias.alias_type == alias_type).map(|alias| alias.alias_id.as_str())
}

/// Whether the stored line has this product. `None` where either side has no identifier of this kind.
fn same_product(sent: Option<&ProductIdentifier>, stored: &StoredLine) -> Option<bool> {
    let sent = sent?;
    let same_kind = |told: &&ProductIdentifier| std::mem::discriminant(*told) == std::mem::discriminant(sent);
    let mut told = stored.product.iter().filter(same_kind).peekable();
    told.peek()?;
    Some(told.any(|told| told == sent))
}
