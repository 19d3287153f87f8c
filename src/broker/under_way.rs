//! The publications of one channel that are on their way: begun in their order, each with its own end.
//!
//! Not here: how long an end is waited for, and what follows from it.
//!
//! The broker returns a message that no queue takes, and then confirms it. But lapin hands a returned message to
//! whichever confirm comes next on the channel. Each publication has a number in a header, by which a return finds its
//! own.

use std::collections::{HashMap, HashSet, VecDeque};
use std::future::{Ready, poll_fn, ready};
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_util::future::{BoxFuture, Either};
use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::{AMQPValue, FieldTable, ShortString};
use lapin::{BasicProperties, Channel, Confirmation, PublisherConfirm};
use tokio::sync::{mpsc, oneshot};

use super::headers::own;

/// A message to publish, and the channel that its end is told by.
#[derive(Debug)]
pub(super) struct Publication {
    pub(super) mandatory: bool,
    pub(super) exchange: ShortString,
    pub(super) routing_key: ShortString,
    pub(super) properties: BasicProperties,
    pub(super) body: Vec<u8>,
    pub(super) told: oneshot::Sender<End>,
}

/// The end of a publication.
#[derive(Debug)]
pub(super) enum End {
    Taken,
    Returned,
    Refused,
    Broken(lapin::Error),
}

/// Publishes in the order of the queue, and tells the ends. Ends with the queue.
pub(super) async fn publish_all(channel: Channel, mut publications: mpsc::UnboundedReceiver<Publication>) {
    let mut under_way = UnderWay::default();
    loop {
        tokio::select! {
            () = under_way.go_on() => {}
            publication = publications.recv() => {
                let Some(publication) = publication else { return };
                under_way.begin(&channel, publication);
            }
        }
    }
}

/// Publications without an end.
#[derive(Default)]
struct UnderWay {
    /// The number of the last one.
    last: i64,
    outgoing: Outgoing,
    confirms: FuturesUnordered<Unconfirmed>,
    told: HashMap<i64, oneshot::Sender<End>>,
    /// Those that came back and are not confirmed.
    returned: HashSet<i64>,
}

impl UnderWay {
    /// Begins a publication. It goes out behind all that were begun before, and none of them is waited for.
    fn begin(&mut self, channel: &Channel, publication: Publication) {
        self.last += 1;
        let Publication { mandatory, exchange, routing_key, properties, body, told } = publication;
        let options = BasicPublishOptions { mandatory, ..BasicPublishOptions::default() };
        let (channel, properties) = (channel.clone(), numbered(properties, self.last));
        let publish = async move { channel.basic_publish(exchange, routing_key, options, &body, properties).await };
        self.told.insert(self.last, told);
        self.outgoing.begin(self.last, publish.boxed());
    }

    /// Waits until a message is written or confirmed, and tells all ends that are known then.
    ///
    /// A return comes with the confirm of its own publication, or with another one that was resolved no later. Therefore
    /// all confirms that have come are read before any end is told. A message that was confirmed is written by then.
    async fn go_on(&mut self) {
        let mut read = Vec::new();
        tokio::select! {
            (number, written) = self.outgoing.next() => self.written(number, written),
            Some(confirmed) = self.confirms.next() => read.push(confirmed),
        }
        loop {
            while let Some((number, written)) = self.outgoing.next().now_or_never() {
                self.written(number, written);
            }
            let Some(Some(confirmed)) = self.confirms.next().now_or_never() else { break };
            read.push(confirmed);
        }
        for (number, confirm) in &read {
            self.returned.extend(return_in(*number, confirm));
        }
        for (number, confirm) in read {
            let is_returned = self.returned.remove(&number);
            self.tell(number, end_of(confirm, is_returned));
        }
    }

    fn written(&mut self, number: i64, written: lapin::Result<PublisherConfirm>) {
        match written {
            Ok(confirm) => self.confirms.push(Unconfirmed { number, confirm }),
            Err(error) => self.tell(number, End::Broken(error)),
        }
    }

    fn tell(&mut self, number: i64, end: End) {
        if let Some(told) = self.told.remove(&number) {
            // nobody may wait for it any more
            told.send(end).ok();
        }
    }
}

type Written = lapin::Result<PublisherConfirm>;
/// A message on its way out, or what became of it at once.
type Writing = Either<BoxFuture<'static, Written>, Ready<Written>>;

/// Messages on their way out, in their order. Each is with lapin already, so they go out together.
#[derive(Default)]
struct Outgoing(VecDeque<(i64, Writing)>);

impl Outgoing {
    /// Hands a message to lapin, which takes it when its future is polled first.
    fn begin(&mut self, number: i64, mut publish: BoxFuture<'static, Written>) {
        let at_once = (&mut publish).now_or_never();
        self.0.push_back((number, at_once.map_or(Either::Left(publish), |written| Either::Right(ready(written)))));
    }

    /// Waits until the first of them is written, which it is before any other. Cancelled, it has taken none out.
    async fn next(&mut self) -> (i64, Written) {
        poll_fn(|context| {
            let Some((number, publish)) = self.0.front_mut() else { return Poll::Pending };
            let written = std::task::ready!(publish.poll_unpin(context));
            let number = *number;
            self.0.pop_front();
            Poll::Ready((number, written))
        })
        .await
    }
}

/// A message that is written.
struct Unconfirmed {
    number: i64,
    confirm: PublisherConfirm,
}

impl Future for Unconfirmed {
    type Output = (i64, lapin::Result<Confirmation>);

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let number = self.number;
        self.confirm.poll_unpin(context).map(|confirm| (number, confirm))
    }
}

/// The number of the publication whose return this confirm carries; the confirm's own one where the return has none.
fn return_in(number: i64, confirm: &lapin::Result<Confirmation>) -> Option<i64> {
    match confirm {
        Ok(Confirmation::Ack(Some(message)) | Confirmation::Nack(Some(message))) => {
            Some(number_of(message).unwrap_or(number))
        }
        Ok(Confirmation::Ack(None) | Confirmation::Nack(None) | Confirmation::NotRequested) | Err(_) => None,
    }
}

fn end_of(confirm: lapin::Result<Confirmation>, is_returned: bool) -> End {
    match confirm {
        Ok(Confirmation::Ack(_)) if is_returned => End::Returned,
        Ok(Confirmation::Ack(_)) => End::Taken,
        Ok(Confirmation::Nack(_) | Confirmation::NotRequested) => End::Refused,
        Err(error) => End::Broken(error),
    }
}

fn numbered(properties: BasicProperties, number: i64) -> BasicProperties {
    let mut headers = properties.headers().clone().unwrap_or_default();
    headers.insert(own::PUBLICATION.into(), AMQPValue::LongLongInt(number));
    properties.with_headers(headers)
}

fn number_of(message: &BasicReturnMessage) -> Option<i64> {
    let headers: &FieldTable = message.properties.headers().as_ref()?;
    match headers.inner().get(own::PUBLICATION)? {
        AMQPValue::LongLongInt(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use lapin::message::Delivery;

    use super::*;

    /// A confirm that carries the return of this publication.
    fn with_return_of(number: i64) -> lapin::Result<Confirmation> {
        let mut delivery = Delivery::mock(0, "".into(), "key".into(), false, Vec::new());
        delivery.properties = numbered(BasicProperties::default(), number);
        Ok(Confirmation::Ack(Some(BasicReturnMessage { delivery, reply_code: 312, reply_text: "NO_ROUTE".into() })))
    }

    #[test]
    fn a_return_is_that_of_the_publication_whose_number_it_has() {
        assert_eq!(return_in(1, &with_return_of(3)), Some(3));
        assert_eq!(return_in(1, &with_return_of(1)), Some(1));
        assert_eq!(return_in(1, &Ok(Confirmation::Ack(None))), None);
        let without_number = BasicReturnMessage {
            delivery: Delivery::mock(0, "".into(), "key".into(), false, Vec::new()),
            reply_code: 312,
            reply_text: "NO_ROUTE".into(),
        };
        assert_eq!(return_in(1, &Ok(Confirmation::Ack(Some(without_number)))), Some(1));
        assert!(matches!(end_of(with_return_of(3), false), End::Taken));
        assert!(matches!(end_of(Ok(Confirmation::Ack(None)), true), End::Returned));
    }
}
