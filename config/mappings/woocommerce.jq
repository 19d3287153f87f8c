# WooCommerce: an example to start from, for the webhook `order.updated` or `order.created`. Not a preset.
#
# A line has a sum and a number of pieces, and no exact price of one piece: a sum that does not divide is an error here.
# There is no topic for refunds: `order.updated` lists all of an order, with negative totals.

def meta($key): first(.meta_data[]? | select(.key == $key) | .value) // null;
def full_name: [.first_name, .last_name] | map(values | select(. != "")) | join(" ");
def price:
  .quantity as $pieces
  | .subtotal | money_div($pieces; 2)
  | if money_cmp(.left; 0) == 0 then .each else error("the sum of a line does not divide by its pieces") end;

if .status != "processing" and .status != "completed" then null else
  (if (.shipping.address_1 // "") != "" then .shipping else .billing end) as $to
  | {
      kind: "checkout-completed",
      time: (.date_created_gmt + "Z"),
      subject: (.id | tostring),
      data: {
        order: { id: (.id | tostring), displayId: .number },
        currency,
        shopper: {
          name: (.billing | full_name),
          email: (if (.billing.email // "") == "" then error("expected `billing.email`, got none") else .billing.email end)
        },
        shipTo: {
          name: ($to | full_name), street: $to.address_1, street2: $to.address_2, city: $to.city,
          region: (if ($to.state // "") == "" then $to.city else $to.state end),
          postalCode: $to.postcode, country: $to.country, phone: .billing.phone
        },
        lines: [.line_items[] | meta("_bwp_offer_id") as $offer | {
          id: (.id | tostring),
          product: ((if (.sku // "") != "" then { sku } else { externalId: (.product_id | tostring) } end) + { title: .name }),
          unitPrice: price,
          quantity,
          tax: .total_tax,
          discounts: [money_sub(.subtotal; .total) | select(money_cmp(.; 0) > 0) | { amount: . }],
          delivery: (if $offer
            then { by: "amazon", prime: true, offerId: $offer, previewId: meta("_bwp_preview_id") }
            else { by: "merchant" } end)
        }],
        total, tax: .total_tax,
        # a fee below zero is a discount of the whole order
        discounts: [.fee_lines[]? | select(money_cmp(.total; 0) < 0) | { amount: (.total | money_neg), label: .name }],
        notSent: (
          [select(($to.company // "") != "") | { part: "company" }]
          + [
              { part: "shipping", amount: (.shipping_total // "0") },
              (.fee_lines[]? | { part: "fee", amount: .total })
              | select(money_cmp(.amount; 0) > 0)
            ]
        ),
        payments: [{ label: .payment_method_title, amount: .total }]
      }
    }
end
