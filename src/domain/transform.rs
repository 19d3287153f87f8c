//! The transformation of a message into its command, with the input of the call; which rules a command is checked by.
//!
//! Not here: reading the fields; the rules of the API.

use jiff::Timestamp;

use super::amendment::Amendment;
use super::checkout::{Checkout, Identity, IdentityKind, Link, NamedAlias, Payment, PlacedOrder, ShipTo};
use super::command::{AmendOrder, Command, CreateOrder, Refund, StartFulfillment, UpdateRefunds};
use super::conventions::Conventions;
use super::envelope::{Envelope, Kind};
use super::fulfillment::Fulfillment;
use super::input::{
    Address, BundleProduct, Contact, CreateOrderInput, Customer, DeliveryDetails, DeliveryDiscount, DeliveryMessage,
    DeliveryOffer, DeliveryProvider, DeliverySummary, DeliveryTerms, DesiredExecutionState, Discount, Discounts,
    EmailData, IdentityToken, LineItem, OrderLink, PaymentDetails, PaymentMethod, PaymentSummary, Payments, Pieces,
    PurchaseGroupMembership, PurchasedProduct, Recipient, ShopperIdentity, TaxSummary, Taxes, TotalPrice,
    UpdateOrderInput,
};
use super::line::{Bundle, Delivery, Line, LineDiscount};
use super::money::{Amount, Currency, Money};
use super::order::{Alias, AliasTypes};
use super::reading;
use super::refund::{RefundUpdate, ToldRefund};
use super::rejection::Rejection;
use super::rules::Rules;
use super::sum::sum;

/// The command that a message stands for.
///
/// # Errors
/// A payload that its kind of message does not allow, with the path of the field.
pub fn command_for(envelope: &Envelope, conventions: &Conventions) -> Result<Command, Rejection> {
    let aliases = &conventions.aliases;
    match envelope.kind {
        Kind::CheckoutCompleted => {
            let checkout: Checkout = reading::read(&envelope.data)?;
            checkout.check_line_ids()?;
            Ok(Command::CreateOrder(Box::new(create_order(checkout, conventions))))
        }
        Kind::FulfillmentTriggered => {
            let fulfillment: Fulfillment = reading::read(&envelope.data)?;
            Ok(Command::StartFulfillment(start_fulfillment(fulfillment, aliases)))
        }
        Kind::OrderAmended => {
            let amendment: Amendment = reading::read(&envelope.data)?;
            Ok(Command::AmendOrder(amend_order(amendment, aliases)))
        }
        Kind::RefundUpdated => {
            let update: RefundUpdate = reading::read(&envelope.data)?;
            Ok(Command::UpdateRefunds(update_refunds(update, aliases)))
        }
    }
}

/// Checks the rules of the API for a command. The command is made before: a look-up before a dead letter needs its aliases.
///
/// # Errors
/// The first rule that is broken.
pub fn check_rules(command: &Command, rules: &Rules, now: Timestamp) -> Result<(), Rejection> {
    match command {
        Command::CreateOrder(create) => rules.check_create(create, now),
        Command::AmendOrder(amend) => rules.check_amendment(amend),
        Command::StartFulfillment(_) => Ok(()),
        Command::UpdateRefunds(update) => rules.check_refunds(update),
    }
}

/// The create for a checkout.
fn create_order(checkout: Checkout, conventions: &Conventions) -> CreateOrder {
    let (currency, types) = (checkout.currency, &conventions.aliases);
    let start = checkout.start_fulfillment.unwrap_or(conventions.start_with_order);
    let offers_expire = (checkout.lines.iter().enumerate())
        .filter_map(|(position, line)| Some((position, line.delivery.expires_at()?)))
        .collect();
    let sum = sum(&checkout);
    let not_sent = checkout.not_sent.iter().map(|part| part.difference(currency)).collect();
    let order_alias = order_alias(&checkout.order, types);
    let mut aliases = order_aliases(&checkout.order, types);
    let input = CreateOrderInput {
        line_items: checkout.lines.into_iter().map(|line| line_item(line, currency, types)).collect(),
        customer: Some(Customer {
            contact: Contact {
                email_data: EmailData { name: checkout.shopper.name.0, email: checkout.shopper.email.0 },
            },
        }),
        recipient: Some(recipient(checkout.ship_to)),
        aliases: aliases.clone(),
        total_price: Some(TotalPrice { value: money(checkout.total, currency) }),
        taxes: checkout.tax.map(|amount| taxes(money(amount, currency))),
        discounts: discounts(checkout.discounts, currency),
        payments: payments(checkout.payments, currency),
        order_links: checkout.order.links.into_iter().map(order_link).collect(),
        shopper_identity: checkout.shopper.identity.map(shopper_identity),
        desired_execution_state: start.then_some(DesiredExecutionState::Started),
    };
    // a stable sort: the alias from the order id first, the others as before
    aliases.sort_by_key(|alias| *alias != order_alias);
    CreateOrder { order_id: checkout.order.id.0, aliases, offers_expire, sum, not_sent, input }
}

/// The update that starts fulfillment.
fn start_fulfillment(fulfillment: Fulfillment, types: &AliasTypes) -> StartFulfillment {
    let identifier = fulfillment.order.identifier(types);
    let input =
        UpdateOrderInput { desired_execution_state: Some(DesiredExecutionState::Started), ..Default::default() };
    StartFulfillment { order: fulfillment.order.into(), identifier, input }
}

/// The update for an amendment.
fn amend_order(amendment: Amendment, types: &AliasTypes) -> AmendOrder {
    let identifier = amendment.order.identifier(types);
    let input = UpdateOrderInput {
        total_price: amendment.total.map(|value| TotalPrice { value }),
        taxes: amendment.tax.map(taxes),
        recipient: amendment.ship_to.map(recipient),
        aliases: each_once(amendment.add_aliases.into_iter().map(named_alias)),
        order_links: each_once(amendment.add_links.into_iter().map(order_link)),
        ..Default::default()
    };
    AmendOrder { order: amendment.order.into(), identifier, input }
}

/// The refunds of a message, before the comparison with the stored ones.
fn update_refunds(update: RefundUpdate, types: &AliasTypes) -> UpdateRefunds {
    let RefundUpdate { order, currency, refunds } = update;
    let refund = |told: ToldRefund| Refund {
        alias: told.external_id.filter(|_| told.id.is_none()).map(|id| Alias::new(&types.refund, id)),
        id: told.id,
        state: told.state,
        total: money(told.total, currency),
        payments: told.payments.into_iter().map(|payment| payment.input(currency)).collect(),
        lines: told.lines,
        reason: told.reason,
    };
    let identifier = order.identifier(types);
    UpdateRefunds { order: order.into(), identifier, refunds: refunds.into_iter().map(refund).collect() }
}

/// Aliases of an order, in the sequence of the API's examples: display id, order id, further ones. A repeated alias
/// counts once.
fn order_aliases(order: &PlacedOrder, types: &AliasTypes) -> Vec<Alias> {
    let display = order.display_id.iter().map(|id| Alias::new(&types.order_display, id));
    let further = order.aliases.iter().cloned().map(named_alias);
    each_once(display.chain([order_alias(order, types)]).chain(further))
}

fn named_alias(alias: NamedAlias) -> Alias {
    Alias::new(alias.alias_type.0, alias.id.0)
}

fn order_link(link: Link) -> OrderLink {
    OrderLink { destination_type: link.kind, url: link.url.0 }
}

fn each_once<T: PartialEq>(items: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = Vec::new();
    for item in items {
        if !seen.contains(&item) {
            seen.push(item);
        }
    }
    seen
}

/// The alias that makes a repeated create harmless.
fn order_alias(order: &PlacedOrder, types: &AliasTypes) -> Alias {
    Alias::new(&types.order, &order.id.0)
}

fn line_item(line: Line, currency: Currency, types: &AliasTypes) -> LineItem {
    let id = line.id.map(|id| Alias::new(&types.line, id));
    let display = line.display_id.map(|id| Alias::new(&types.line_display, id));
    LineItem {
        product: PurchasedProduct {
            identifier: line.product.identifier,
            title: line.product.title,
            price: line.unit_price.map(|amount| money(amount, currency)),
            purchase_group_membership: line.bundle.map(|bundle| membership(bundle, currency)),
        },
        amount: Pieces { value: line.quantity },
        aliases: id.into_iter().chain(display).collect(),
        taxes: line.tax.map(|amount| taxes(money(amount, currency))),
        discounts: discounts(line.discounts, currency),
        selected_delivery_offer: delivery_offer(line.delivery, currency),
    }
}

fn membership(bundle: Bundle, currency: Currency) -> PurchaseGroupMembership {
    PurchaseGroupMembership {
        product: BundleProduct {
            identifier: bundle.product,
            price: bundle.price.map(|amount| money(amount, currency)),
        },
        member_amount: bundle.quantity.map(|value| Pieces { value }),
    }
}

fn discounts(discounts: Vec<LineDiscount>, currency: Currency) -> Option<Discounts> {
    let details: Vec<Discount> = (discounts.into_iter())
        .map(|discount| Discount {
            amount: money(discount.amount, currency),
            display_string: discount.label,
            coupon_code: discount.coupon_code,
        })
        .collect();
    (!details.is_empty()).then_some(Discounts { details })
}

fn delivery_offer(delivery: Delivery, currency: Currency) -> DeliveryOffer {
    let by_amazon = |is_prime_eligible, id, delivery_preview_id, speed, charge: Option<Amount>| {
        DeliveryOffer::Details(DeliveryDetails {
            id,
            delivery_preview_id,
            delivery_charge: charge.map(|amount| money(amount, currency)),
            delivery_provider: DeliveryProvider::Amazon,
            delivery_terms: DeliveryTerms { is_prime_eligible, delivery_speed: speed },
        })
    };
    match delivery {
        Delivery::Prime { offer_id, preview_id, speed, charge, expires_at: _ } => {
            by_amazon(true, offer_id, preview_id, speed, charge)
        }
        Delivery::Amazon { speed, charge } => by_amazon(false, None, None, speed, charge),
        Delivery::Merchant { message, locale, charge, discount } => DeliveryOffer::Summary(DeliverySummary {
            delivery_message: message.map(|message_text| DeliveryMessage { message_text, locale }),
            delivery_charge: charge.map(|amount| money(amount, currency)),
            discounts: discount.map(|amount| DeliveryDiscount { amount: money(amount, currency) }),
            delivery_provider: DeliveryProvider::Merchant,
        }),
    }
}

fn recipient(ship_to: ShipTo) -> Recipient {
    Recipient {
        delivery_address: Address {
            name: ship_to.name.0,
            street_address: ship_to.street.0,
            extended_address: ship_to.street2,
            locality: ship_to.city.0,
            region: ship_to.region.0,
            country_code: ship_to.country.code(),
            postal_code: ship_to.postal_code.0,
            contact_number: ship_to.phone,
        },
    }
}

/// The input for payments: a summary of a single one, details of several. A summary of several would have to be
/// invented.
fn payments(mut payments: Vec<Payment>, currency: Currency) -> Option<Payments> {
    if payments.len() > 1 {
        let details = payments.into_iter().map(|payment| PaymentDetails {
            amount: money(payment.amount, currency),
            payment_method: PaymentMethod { display_string: payment.label.0, kind: None },
            state: payment.state,
        });
        return Some(Payments::Details(details.collect()));
    }
    payments.pop().map(|payment| {
        Payments::Summary(PaymentSummary {
            amount: money(payment.amount, currency),
            payment_method_display_string: payment.label.0,
            state: payment.state,
        })
    })
}

fn shopper_identity(identity: Identity) -> ShopperIdentity {
    let Identity { kind, value, external_id } = identity;
    match kind {
        IdentityKind::ApayCheckoutSession => {
            ShopperIdentity::ApayCheckoutSession { apay_checkout_session_id: IdentityToken { value, external_id } }
        }
        IdentityKind::LwaAccessToken => {
            ShopperIdentity::LwaAccessToken { lwa_access_token: IdentityToken { value, external_id } }
        }
        IdentityKind::IdpToken => ShopperIdentity::IdpToken { idp_token: value, external_id },
    }
}

fn taxes(collectable_tax_amount: Money) -> Taxes {
    Taxes { summary: TaxSummary { collectable_tax_amount } }
}

fn money(amount: Amount, currency: Currency) -> Money {
    Money { amount, currency_code: currency }
}
