# Shopify: `orders/create` becomes `checkout-completed`, `refunds/create` becomes `refund-updated`.
#
# Variables, each with its default:
#   offer_id            "_bwp_offer_id"    property of a line with the id of the delivery offer
#   preview_id          "_bwp_preview_id"  property of a line with the id of the delivery preview
#   identity            "_bwp_shopper_identity"       note attribute with the token of the shopper
#   identity_kind       "_bwp_shopper_identity_kind"  note attribute with its kind; "idp-token" where there is none
#   refund_note         "_bwp_refund_id:"  start of the note of a refund that Buy with Prime opened; its id follows
#   without_prime       "ignore"           orders without a Prime line: "ignore", or "take" them
#   unpaid              "ignore"           orders that are not paid: "ignore", or "take" them
#   test                "ignore"           test orders: "ignore", or "take" them
#
# The API has no place for the company, the price of shipping for the whole order, tips and duties: they are in `notSent`.

# The amount that the shopper saw. Older bodies have the shop's amount alone.
def shown($set; $amount): if $set.presentment_money then $set.presentment_money.amount else $amount end;
def attribute($name): first(.[]? | select(.name == $name) | .value) // null;
def full_name: [.first_name, .last_name] | map(values | select(. != "")) | join(" ");
def named: .name // full_name | if . == "" then null else . end;

def attribute_of_line($name): .properties | attribute($name);

def line($order):
  attribute_of_line($vars.offer_id // "_bwp_offer_id") as $offer
  | attribute_of_line($vars.preview_id // "_bwp_preview_id") as $preview
  | {
      id: (.id | tostring),
      product: (if (.sku // "") != "" then { sku: .sku } else { externalId: (.variant_id // .product_id // .id | tostring) } end
        + { title: (.name // .title) }),
      unitPrice: shown(.price_set; .price),
      quantity: .quantity,
      tax: ([.tax_lines[]? | shown(.price_set; .price)] | money_sum),
      discounts: [
        .discount_allocations[]?
        | ($order.discount_applications[.discount_application_index]? // {}) as $why
        | { amount: shown(.amount_set; .amount), label: ($why.title // $why.description), couponCode: $why.code }
      ],
      delivery: (
        if $offer then { by: "amazon", prime: true, offerId: $offer, previewId: $preview }
        else { by: "merchant" } end
      )
    };

def order:
  . as $order
  | (.shipping_address // .billing_address // error("expected `shipping_address` or `billing_address`, got neither")) as $to
  | (.email // .contact_email // .customer.email // "" | if . == "" then error("expected `email`, got none: the API needs one") else . end) as $email
  | {
      order: {
        id: (.id | tostring),
        displayId: (.name // (.order_number | tostring))
      },
      currency: (.presentment_currency // .currency),
      shopper: ({
        name: ((.customer // {} | named) // (.billing_address // {} | named) // ($to | named)),
        email: $email
      } + (
        .note_attributes as $notes
        | ($notes | attribute($vars.identity // "_bwp_shopper_identity")) as $token
        | if $token then { identity: {
            kind: (($notes | attribute($vars.identity_kind // "_bwp_shopper_identity_kind")) // "idp-token"),
            value: $token
          } } else {} end
      )),
      shipTo: {
        name: ($to | named),
        street: $to.address1,
        street2: $to.address2,
        city: $to.city,
        # countries without regions have none, and the API wants one
        region: ([$to.province_code, $to.province, $to.city] | map(values | select(. != "")) | first),
        postalCode: $to.zip,
        country: $to.country_code,
        phone: ($to.phone // .phone)
      },
      lines: [.line_items[] | line($order)],
      total: shown(.total_price_set; .total_price),
      tax: shown(.total_tax_set; .total_tax),
      notSent: (
        [select(($to.company // "") != "") | { part: "company" }]
        + [
            { part: "shipping", amount: ([.shipping_lines[]?
              | shown(.discounted_price_set // .price_set; .discounted_price // .price)] | money_sum) },
            { part: "tip", amount: shown(.total_tip_received_set; .total_tip_received // "0") },
            { part: "duties", amount: shown(.current_total_duties_set; "0") }
            | select(money_cmp(.amount; 0) > 0)
          ]
      ),
      payments: [
        select(.financial_status == "paid")
        | { label: (.payment_gateway_names | map(values | select(. != "")) | join(", ") | if . == "" then "Shopify" else . end),
            amount: shown(.total_price_set; .total_price), state: "SUCCESS" }
      ]
    };

def refund:
  [.transactions[]? | select(.kind == "refund")] as $all
  | ($all | map(select(.status == "success"))) as $paid
  | if ($all | length) == 0 then null else
      ($vars.refund_note // "_bwp_refund_id:") as $start
      | (.note // "" | if startswith($start) then ltrimstr($start) | trim else null end) as $opened
      | {
          order: { id: (.order_id | tostring) },
          currency: $all[0].currency,
          refunds: [{
            externalId: (.id | tostring),
            state: (
              if ($paid | length) == ($all | length) then "SUCCESS"
              elif ($paid | length) > 0 then "PARTIAL"
              elif all($all[]; .status == "failure" or .status == "error") then "FAILURE"
              else "PENDING" end
            ),
            total: ($paid | map(.amount) | money_sum),
            payments: [$paid[] | { id: (.id | tostring), amount, label: (.gateway // "Shopify"), state: "SUCCESS" }],
            lines: [.refund_line_items[]? | { lineId: (.line_item_id | tostring), quantity }]
          } + if $opened then { id: $opened } else {} end]
        }
    end;

def message($kind; $time; $subject):
  if . == null then null else
    { kind: $kind, id: $headers["x-shopify-webhook-id"], time: $time, subject: ($subject | tostring), data: . }
  end;

if has("transactions") and has("order_id") then
  . as $refund | refund | message("refund-updated"; $refund.processed_at // $refund.created_at; $refund.order_id)
elif has("line_items") then
  . as $order
  | if (.test == true and ($vars.test // "ignore") == "ignore")
      or .cancelled_at != null
      or (.financial_status != "paid" and ($vars.unpaid // "ignore") == "ignore")
    then null
    else
      order
      | if ($vars.without_prime // "ignore") == "ignore" and all(.lines[]; .delivery.prime != true) then null else . end
      | message("checkout-completed"; $order.created_at; $order.id)
    end
else error("expected an order with `line_items` or a refund with `transactions`")
end
