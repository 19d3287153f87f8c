//! Which stored line is which sent line.
//!
//! Not here: what the order around them says.

use super::input::LineItem;
use super::order::Alias;
use super::order::ProductIdentifier;
use super::stored::StoredLine;

/// The lines of two orders, matched as far as they can be.
pub(super) struct Matching<'a> {
    /// The pairs, in the order of the sent lines.
    pub(super) matches: Vec<Match<'a>>,
    /// Contradictions beside those within the pairs.
    unmatched: Vec<String>,
}

/// A sent line and the stored line that it became.
pub(super) struct Match<'a> {
    /// Position of the sent line, from 0.
    pub(super) position: usize,
    /// The sent line.
    pub(super) sent: &'a LineItem,
    /// The stored line.
    pub(super) stored: &'a StoredLine,
}

impl<'a> Matching<'a> {
    /// Matches lines by the alias of type `line_alias`; what is left, by product.
    pub(super) fn new(sent: &'a [LineItem], stored: &'a [StoredLine], line_alias: &str) -> Self {
        let likeness = |sent: &LineItem, stored: &StoredLine| Likeness::of(sent, stored, line_alias);
        let mut free: Vec<&StoredLine> = stored.iter().collect();
        let mut found: Vec<Option<&StoredLine>> = vec![None; sent.len()];
        // the surest first, so that a line takes no other line's partner
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

    /// What cannot change on a line and is not the same.
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

/// What speaks for two lines being the same.
#[derive(Clone, Copy, Eq, PartialEq)]
enum Likeness {
    /// The alias is the same.
    Alias,
    /// The aliases do not decide; product and quantity are the same.
    ProductAndQuantity,
    /// The aliases do not decide; the product is the same.
    Product,
    /// Too little is told.
    Unknown,
    /// They are told to be different lines.
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

/// The id of the alias of a type.
pub(super) fn alias_of<'a>(aliases: &'a [Alias], alias_type: &str) -> Option<&'a str> {
    aliases.iter().find(|alias| alias.alias_type == alias_type).map(|alias| alias.alias_id.as_str())
}

/// Whether the stored line has this product; `None` where none was sent, or no identifier of this kind is told.
fn same_product(sent: Option<&ProductIdentifier>, stored: &StoredLine) -> Option<bool> {
    let sent = sent?;
    let same_kind = |told: &&ProductIdentifier| std::mem::discriminant(*told) == std::mem::discriminant(sent);
    let mut told = stored.product.iter().filter(same_kind).peekable();
    told.peek()?;
    Some(told.any(|told| told == sent))
}
