# commercetools: an order (or a message `OrderCreated` with the order in it) becomes `checkout-completed`.
#
# Variables, each with its default:
#   offer_id       "_bwp_offer_id"    custom field of a line with the id of the delivery offer
#   preview_id     "_bwp_preview_id"  custom field of a line with the id of the delivery preview
#   identity       "_bwp_shopper_identity"       custom field of the order with the token of the shopper
#   identity_kind  "_bwp_shopper_identity_kind"  custom field with its kind; "idp-token" where there is none
#   locale         "en-US"            language of titles; the first one where it is missing
#   without_prime  "ignore"           orders without a Prime line: "ignore", or "take" them
#   unpaid         "ignore"           orders that are not paid: "ignore", or "take" them
#
# The API has no place for the company, the price of shipping for the whole order and custom lines: they are in `notSent`.

# Amounts are whole numbers of the smallest unit. A price of high precision has digits of its own.
def amount:
  if .type == "highPrecision" then . as $price | .preciseAmount | money_minor($price.fractionDigits)
  else . as $price | .centAmount | money_minor($price.fractionDigits // 2) end;
def text: if type == "object" then .[$vars.locale // "en-US"] // first(.[]) else . end;
def full_name: [.firstName, .lastName] | map(values | select(. != "")) | join(" ") | if . == "" then null else . end;
def field($name): .custom.fields[$name]?;

def line:
  field($vars.offer_id // "_bwp_offer_id") as $offer
  | field($vars.preview_id // "_bwp_preview_id") as $preview
  | {
      id,
      product: (if (.variant.sku // "") != "" then { sku: .variant.sku } else { externalId: .productId } end
        + { title: (.name | text) }),
      unitPrice: (.price.value | amount),
      quantity,
      tax: (if .taxedPrice.totalTax then .taxedPrice.totalTax | amount
        elif .taxedPrice then money_sub(.taxedPrice.totalGross | amount; .taxedPrice.totalNet | amount)
        else null end),
      # a reduced price of the product, of one piece, and discounts of the cart, of so many pieces
      discounts: ([
          select(.price.discounted)
          | { amount: money_mul(money_sub(.price.value | amount; .price.discounted.value | amount); .quantity), label: "reduced" }
        ] + [
          .discountedPricePerQuantity[]?
          | .quantity as $pieces
          | .discountedPrice.includedDiscounts[]?
          | { amount: money_mul(.discountedAmount | amount; $pieces), label: (.discount.obj.name | text) }
        ]),
      delivery: (
        if $offer then { by: "amazon", prime: true, offerId: $offer, previewId: $preview }
        else { by: "merchant" } end
      )
    };

def order:
  (.shippingAddress // .billingAddress // error("expected `shippingAddress` or `billingAddress`, got neither")) as $to
  | (.customerEmail // .billingAddress.email // $to.email // error("expected `customerEmail`, got none: the API needs one")) as $email
  | field($vars.identity // "_bwp_shopper_identity") as $token
  | {
      order: { id, displayId: .orderNumber },
      currency: .totalPrice.currencyCode,
      shopper: ({ name: ((.billingAddress // {} | full_name) // ($to | full_name)), email: $email } + (
        if $token then { identity: {
          kind: (field($vars.identity_kind // "_bwp_shopper_identity_kind") // "idp-token"), value: $token
        } } else {} end
      )),
      shipTo: {
        name: ($to | full_name),
        street: ([$to.streetNumber, $to.streetName] | map(values | select(. != "")) | join(" ")),
        street2: ([$to.apartment, $to.additionalStreetInfo] | map(values | select(. != "")) | join(", ")),
        city: $to.city,
        # countries without regions have none, and the API wants one
        region: ([$to.state, $to.region, $to.city] | map(values | select(. != "")) | first),
        postalCode: $to.postalCode,
        country: $to.country,
        phone: ($to.phone // $to.mobile)
      },
      lines: [.lineItems[] | line],
      # a discount of the whole order stands on no line, and a custom line below zero is one, too
      discounts: ([
          .discountOnTotalPrice.discountedAmount // empty | { amount: amount, label: "discount on the total" }
        ] + [
          .customLineItems[]? | { amount: (.totalPrice | amount), label: (.name | text) }
          | select(money_cmp(.amount; 0) < 0) | .amount |= money_neg
        ]),
      notSent: (
        [select(($to.company // "") != "") | { part: "company" }]
        + [
            (.shippingInfo.discountedPrice.value // .shippingInfo.price // empty | { part: "shipping", amount: amount }),
            (.customLineItems[]? | { part: "fee", amount: (.totalPrice | amount) })
            | select(money_cmp(.amount; 0) > 0)
          ]
      ),
      total: (.taxedPrice.totalGross // .totalPrice | amount),
      tax: (if .taxedPrice.totalTax then .taxedPrice.totalTax | amount
        elif .taxedPrice then money_sub(.taxedPrice.totalGross | amount; .taxedPrice.totalNet | amount)
        else null end),
      payments: []
    };

(if .resource.typeId? == "order" then .order else . end) as $order
| if ($order | type) != "object" or ($order | has("lineItems") | not) then
    error("expected an order with `lineItems`, or a message with such an `order`")
  elif $order.orderState == "Cancelled"
    or ($order.paymentState != "Paid" and ($vars.unpaid // "ignore") == "ignore")
  then null
  else
    $order | order
    | if ($vars.without_prime // "ignore") == "ignore" and all(.lines[]; .delivery.prime != true) then null else . end
    | if . == null then null else
        { kind: "checkout-completed", time: $order.createdAt, subject: $order.id, data: . }
      end
  end
