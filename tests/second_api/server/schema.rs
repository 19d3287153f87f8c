//! The operations of the API.
//! Not here: the checks of creates and updates.

use std::sync::{Arc, Mutex};

use async_graphql::{Context, EmptySubscription, Error, ErrorExtensions, Object, Schema, SimpleObject, Value, value};

use super::inputs::{CreateOrderInput, OrderIdentifierInput, UpdateOrderInput};
use super::order::Order;
use super::store::{Refusal, Store};

pub(crate) type OrderSchema = Schema<Query, Mutation, EmptySubscription>;

/// The API over a store without orders.
pub(crate) fn order_schema() -> OrderSchema {
    Schema::build(Query, Mutation, EmptySubscription).data(Arc::new(Mutex::new(Store::default()))).finish()
}

pub(crate) struct Query;

#[Object]
impl Query {
    async fn order(&self, context: &Context<'_>, order_identifier: OrderIdentifierInput) -> Option<Order> {
        store(context).lock().unwrap().order(&order_identifier)
    }
}

pub(crate) struct Mutation;

#[Object]
impl Mutation {
    async fn create_order(
        &self,
        context: &Context<'_>,
        input: CreateOrderInput,
    ) -> async_graphql::Result<CreateOrderResponse> {
        let order = store(context).lock().unwrap().create(input).map_err(error)?;
        Ok(CreateOrderResponse { order })
    }

    async fn update_order(
        &self,
        context: &Context<'_>,
        order_identifier: OrderIdentifierInput,
        input: UpdateOrderInput,
    ) -> async_graphql::Result<UpdateOrderResponse> {
        let order = store(context).lock().unwrap().update(&order_identifier, input).map_err(error)?;
        Ok(UpdateOrderResponse { order })
    }
}

#[derive(SimpleObject)]
pub(crate) struct CreateOrderResponse {
    order: Order,
}

#[derive(SimpleObject)]
pub(crate) struct UpdateOrderResponse {
    order: Order,
}

fn store<'a>(context: &Context<'a>) -> &'a Arc<Mutex<Store>> {
    context.data_unchecked()
}

fn error(refusal: Refusal) -> Error {
    Error::new(refusal.message).extend_with(|_, extensions| extensions.set("classification", classification(&refusal)))
}

/// The classification of a refusal, without `code` if it has none.
fn classification(refusal: &Refusal) -> Value {
    let (error_type, error_code) = (refusal.error_type, refusal.error_code);
    match refusal.code {
        Some(code) => value!({ "errorType": error_type, "errorCode": error_code, "code": code }),
        None => value!({ "errorType": error_type, "errorCode": error_code }),
    }
}
