# Adobe Commerce: an example to start from, for an order as its REST API and its AMQP messages have it. Not a preset.
#
# A configurable product has a line and a child line below it, which would count twice: child lines are left out.

def full_name: [.firstname, .lastname] | map(values | select(. != "")) | join(" ");

if .state != "processing" and .state != "complete" then null else
  (.extension_attributes.shipping_assignments[0].shipping.address // .billing_address) as $to
  | {
      kind: "checkout-completed",
      time: ((.created_at | sub(" "; "T")) + "Z"),
      subject: .increment_id,
      data: {
        order: { id: (.entity_id | tostring), displayId: .increment_id },
        currency: .order_currency_code,
        shopper: {
          name: ({ firstname: .customer_firstname, lastname: .customer_lastname } | full_name
            | if . == "" then $to | full_name else . end),
          email: (.customer_email // error("expected `customer_email`, got none"))
        },
        shipTo: {
          name: ($to | full_name), street: $to.street[0], street2: $to.street[1], city: $to.city,
          region: ($to.region_code // $to.region // $to.city),
          postalCode: $to.postcode, country: $to.country_id, phone: $to.telephone
        },
        lines: [.items[] | select(.parent_item_id == null) | .extension_attributes.bwp_offer_id as $offer | {
          id: (.item_id | tostring),
          product: { sku, title: .name },
          unitPrice: .price,
          quantity: .qty_ordered,
          tax: .tax_amount,
          discounts: [.discount_amount // 0 | select(money_cmp(.; 0) > 0) | { amount: . }],
          delivery: (if $offer
            then { by: "amazon", prime: true, offerId: $offer, previewId: .extension_attributes.bwp_preview_id? }
            else { by: "merchant" } end)
        }],
        total: .grand_total, tax: .tax_amount,
        notSent: (
          [select(($to.company // "") != "") | { part: "company" }]
          + [{ part: "shipping", amount: (.shipping_amount // 0) } | select(money_cmp(.amount; 0) > 0)]
        ),
        payments: [{ label: .payment.method, amount: .grand_total }]
      }
    }
end
