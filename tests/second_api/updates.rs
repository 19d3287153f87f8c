//! A read shows the changes that the client sent, over each API, in both versions of the simulator's.
//! Not here: the changes of each message.

use bwp_sync::api::Client;
use bwp_sync::domain::input::{
    LineItemIdentifier, LinkKind, OrderLink, PaymentMethod, PaymentState, RefundFor, RefundInput, RefundPayment,
    RefundState, RefundTotal, RefundedLine, RefundedQuantity, RefundsInput, TaxSummary, Taxes, TotalPrice,
    UpdateOrderInput,
};
use bwp_sync::domain::money::Money;
use bwp_sync::domain::order::{Alias, OrderIdentifier};
use bwp_sync::domain::stored::{Named, StoredLink, StoredMoney, StoredOrder, StoredPayment};
use bwp_sync::ports::{ApiError, OrderApi, Purpose};
use bwp_sync::simulator::{Config, Simulator};

use crate::messages::create;
use crate::server::http::Server;
use crate::settings::{client, for_second, for_simulator, for_simulator_in};

/// Every API that has a client.
struct Apis {
    second: Server,
    simulator: Simulator,
}

impl Apis {
    async fn start() -> Self {
        Self { second: Server::start().await, simulator: Simulator::start(Config::default()).await.unwrap() }
    }

    /// Clients, each with an order of its own. The last one reads the first one's simulator in another version.
    async fn with_orders(&self) -> Vec<(Client, StoredOrder)> {
        let settings = [
            (for_simulator(&self.simulator), "lwa"),
            (for_second(&self.second), "lwa"),
            (for_simulator_in(&self.simulator, "2024-04-01"), "non-prime"),
        ];
        let mut ready = Vec::new();
        for (settings, example) in settings {
            let client = client(&settings);
            let created = client.create_order(&create(example).input).await.unwrap();
            let alias = OrderIdentifier::Alias(created.aliases.as_ref().unwrap()[0].clone());
            let order = client.order(&alias, Purpose::Compare).await.unwrap().unwrap();
            ready.push((client, order));
        }
        ready
    }
}

fn by_id(order: &StoredOrder) -> OrderIdentifier {
    OrderIdentifier::OrderId(order.id.clone())
}

fn usd(amount: &str) -> Money {
    let currency_code = serde_json::from_str("\"USD\"").unwrap();
    Money { amount: serde_json::from_str(amount).unwrap(), currency_code }
}

fn stored(amount: &str) -> Option<StoredMoney> {
    Some(StoredMoney { amount: amount.parse().unwrap(), currency: Some("USD".into()) })
}

#[tokio::test]
async fn an_amendment_is_answered_and_read_back() {
    let apis = Apis::start().await;
    for (client, order) in apis.with_orders().await {
        let mut recipient = create("lwa").input.recipient.unwrap();
        recipient.delivery_address.street_address = "410 Terry Ave N".into();
        let url = format!("https://shop.example/{}", order.id);
        let added = Alias::new("ERP_ID", &order.id);
        let input = UpdateOrderInput {
            total_price: Some(TotalPrice { value: usd("20.00") }),
            taxes: Some(Taxes { summary: TaxSummary { collectable_tax_amount: usd("12") } }),
            aliases: vec![added.clone()],
            order_links: vec![OrderLink { destination_type: LinkKind::ExternalOrderTracking, url: url.clone() }],
            recipient: Some(recipient),
            ..UpdateOrderInput::default()
        };
        let answered = client.update_order(&by_id(&order), &input).await.unwrap();
        let read = client.order(&OrderIdentifier::Alias(added.clone()), Purpose::Amend).await.unwrap().unwrap();

        assert_eq!((&read.total, &read.tax), (&stored("20.00"), &stored("12")));
        assert!([&answered, &read].iter().all(|told| told.aliases.as_ref().unwrap().contains(&added)));
        let kind = Some(Named::Known(LinkKind::ExternalOrderTracking));
        assert_eq!(read.links.unwrap().last(), Some(&StoredLink { kind, url }));
        // one of the APIs knows only documented fields, and the address is none
        let street = read.destination.and_then(|destination| destination.street_address);
        assert!(street.is_none_or(|street| street == "410 Terry Ave N"));

        let again = client.update_order(&by_id(&order), &UpdateOrderInput { aliases: vec![added], ..input }).await;
        assert!(refused(again, "AliasValueAlreadyExists"));
    }
}

#[tokio::test]
async fn a_refund_of_the_shops_is_told_step_by_step() {
    let apis = Apis::start().await;
    for (client, order) in apis.with_orders().await {
        let before = client.order(&by_id(&order), Purpose::Refund).await.unwrap().unwrap();
        assert_eq!(before.refunds, Some(Vec::new()));
        let line = order.lines.as_ref().unwrap()[0].id.clone().unwrap();
        let update = async |state, total: &str, payment: &str| {
            let refund = RefundInput {
                id: None,
                aliases: vec![Alias::new("EXTERNAL_REFUND_ID", "R-1")],
                state,
                refund_total: RefundTotal { total_amount: usd(total) },
                refund_for: Some(RefundFor {
                    order_line_items: vec![RefundedLine {
                        line_item_id: LineItemIdentifier { line_item_id: line.clone() },
                        refunded_quantity: Some(RefundedQuantity { amount: serde_json::from_str("1").unwrap() }),
                    }],
                }),
                refund_request_reason: Some("NOT_DELIVERED".into()),
                refund_status_reason: None,
                payment_details: vec![RefundPayment {
                    id: payment.into(),
                    amount: usd("2.50"),
                    payment_method: PaymentMethod {
                        display_string: "Visa ending in 1234".into(),
                        kind: Some("CARD".into()),
                    },
                    state: Some(PaymentState::Success),
                }],
            };
            let refunds = Some(RefundsInput { details: vec![refund] });
            client.update_order(&by_id(&order), &UpdateOrderInput { refunds, ..UpdateOrderInput::default() }).await
        };
        update(RefundState::Partial, "2.50", "PAY-1").await.unwrap();
        let answered = update(RefundState::Success, "5.00", "PAY-2").await.unwrap();
        let read = client.order(&by_id(&order), Purpose::Refund).await.unwrap().unwrap();

        for told in [answered, read.clone()] {
            let [refund] = &told.refunds.unwrap()[..] else { panic!("expected one refund") };
            assert_eq!(refund.id.len(), 64);
            assert_eq!(refund.aliases, Some(vec![Alias::new("EXTERNAL_REFUND_ID", "R-1")]));
        }
        let refund = read.refunds.unwrap().remove(0);
        assert_eq!(refund.state, Some(Named::Known(RefundState::Success)));
        assert_eq!(refund.total, stored("5.00"));
        let paid = |id: &str| StoredPayment {
            id: Some(id.into()),
            amount: stored("2.50"),
            state: Some(Named::Known(PaymentState::Success)),
        };
        assert_eq!(refund.payments, Some(vec![paid("PAY-1"), paid("PAY-2")]));
        let lines = refund.lines.unwrap();
        assert_eq!(lines.iter().map(|line| &line.line_item_id).collect::<Vec<_>>(), [&line]);

        let back = update(RefundState::Pending, "5.00", "PAY-3").await;
        assert!(refused(back, "InvalidRefundStateTransition"));
    }
}

fn refused(answer: Result<StoredOrder, ApiError>, code: &str) -> bool {
    matches!(answer, Err(ApiError::Answered { errors, .. }) if errors[0].code.as_deref() == Some(code))
}
