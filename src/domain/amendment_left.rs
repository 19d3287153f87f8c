//! The part of an amendment that the order does not show yet.
//!
//! Not here: reading the order, sending that part.

use strum::{EnumIter, IntoEnumIterator};

use super::input::{Address, OrderLink, Recipient, UpdateOrderInput};
use super::money::Money;
use super::stored::{Destination, Named, StoredMoney, StoredOrder};

/// The part of an amendment that has not taken effect. A field that the answer leaves out counts as not done:
/// amendments are absolute, and sending one twice does no harm.
pub fn left_of(wanted: &UpdateOrderInput, stored: &StoredOrder) -> UpdateOrderInput {
    let shown = |wanted: Money, stored: &Option<StoredMoney>| stored.as_ref().is_some_and(|stored| stored.is(wanted));
    UpdateOrderInput {
        total_price: wanted.total_price.filter(|total| !shown(total.value, &stored.total)),
        taxes: wanted.taxes.filter(|taxes| !shown(taxes.summary.collectable_tax_amount, &stored.tax)),
        recipient: wanted.recipient.clone().filter(|recipient| !goes_to(stored.destination.as_ref(), recipient)),
        aliases: left(&wanted.aliases, stored.aliases.as_deref(), |alias, stored| alias == stored),
        order_links: left(&wanted.order_links, stored.links.as_deref(), |link: &OrderLink, stored| {
            link.url == stored.url && stored.kind.as_ref() == Some(&Named::Known(link.destination_type))
        }),
        ..wanted.clone()
    }
}

/// A field that takes the value of the last amendment. Aliases and links are not among them: they are only ever added.
#[derive(Clone, Copy, Debug, EnumIter, Eq, Ord, PartialEq, PartialOrd)]
pub enum Field {
    /// Amount that the shopper pays in all.
    Total,
    /// Tax of the whole order.
    Taxes,
    /// Recipient and address.
    Recipient,
}

/// Fields with the value of the last amendment that an amendment sets.
#[derive(Clone, Copy, Debug, Default, Eq, PartialEq)]
pub struct LastWords {
    total: bool,
    taxes: bool,
    recipient: bool,
}

impl LastWords {
    /// Fields that this amendment sets.
    pub fn of(amendment: &UpdateOrderInput) -> Self {
        Self {
            total: amendment.total_price.is_some(),
            taxes: amendment.taxes.is_some(),
            recipient: amendment.recipient.is_some(),
        }
    }

    /// The fields, one by one.
    pub fn fields(self) -> impl Iterator<Item = Field> {
        Field::iter().filter(move |field| self.has(*field))
    }

    /// Removes these fields from an amendment.
    pub fn left_of(self, amendment: &UpdateOrderInput) -> UpdateOrderInput {
        UpdateOrderInput {
            total_price: amendment.total_price.filter(|_| !self.total),
            taxes: amendment.taxes.filter(|_| !self.taxes),
            recipient: amendment.recipient.clone().filter(|_| !self.recipient),
            ..amendment.clone()
        }
    }

    fn has(self, field: Field) -> bool {
        match field {
            Field::Total => self.total,
            Field::Taxes => self.taxes,
            Field::Recipient => self.recipient,
        }
    }
}

impl FromIterator<Field> for LastWords {
    fn from_iter<I: IntoIterator<Item = Field>>(fields: I) -> Self {
        fields.into_iter().fold(Self::default(), |set, field| match field {
            Field::Total => Self { total: true, ..set },
            Field::Taxes => Self { taxes: true, ..set },
            Field::Recipient => Self { recipient: true, ..set },
        })
    }
}

fn left<W: Clone, S>(wanted: &[W], stored: Option<&[S]>, same: impl Fn(&W, &S) -> bool) -> Vec<W> {
    let is_there = |wanted: &&W| stored.unwrap_or_default().iter().any(|stored| same(wanted, stored));
    wanted.iter().filter(|wanted| !is_there(wanted)).cloned().collect()
}

/// Whether the stored address equals the wanted one. A part that the answer leaves out differs from any value.
fn goes_to(stored: Option<&Destination>, wanted: &Recipient) -> bool {
    let Some(stored) = stored else { return false };
    let Address { name, street_address, extended_address, locality, region, country_code, postal_code, contact_number } =
        &wanted.delivery_address;
    let needed = [
        (name, &stored.name),
        (street_address, &stored.street_address),
        (locality, &stored.locality),
        (region, &stored.region),
        (country_code, &stored.country_code),
        (postal_code, &stored.postal_code),
    ];
    let optional = [(extended_address, &stored.extended_address), (contact_number, &stored.contact_number)];
    needed.into_iter().all(|(wanted, stored)| stored.as_ref() == Some(wanted))
        && optional.into_iter().all(|(wanted, stored)| wanted == stored)
}
