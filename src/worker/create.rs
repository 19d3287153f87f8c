//! A checkout becomes an order, once.
//!
//! Not here: reading the message.

use super::case::Case;
use super::look_up::Owner;
use crate::domain::command::{Command, CreateOrder};
use crate::domain::outcome::{Outcome, ResultKind};
use crate::domain::sameness::lines_matched;
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::{EDITED_ACTION, OwnCode};
use crate::policy::classify::Failure;
use crate::policy::decide::{Action, Verdict, action};
use crate::ports::{Operation, OrderApi, Settlement};

impl<A: OrderApi> Case<'_, A> {
    /// Creates the order, or finds it there.
    pub async fn create(&self, create: &CreateOrder) -> Settlement {
        let api = &self.context.api;
        let called = self.send(Operation::CreateOrder, || api.create_order(&create.input));
        let failure = match called.await {
            Ok(stored) => return self.created(create, Outcome::Created, &stored, Vec::new()),
            Err(failure) => failure,
        };
        match action(failure.class) {
            Action::Retry(budget) => match self.retry(&failure, budget) {
                Verdict::Later(later) => Settlement::Later(later),
                Verdict::GiveUp { attempts } => {
                    let letter = self.exhausted(&failure, attempts);
                    self.unless_created(create, &failure, letter).await
                }
            },
            // "done" and "not there" are no answers to a create; whoever gives them, a read tells what is so
            Action::Compare | Action::Done | Action::AwaitCreate => self.compare(create, &failure).await,
            Action::Refuse => self.unless_created(create, &failure, self.refused(&failure)).await,
        }
    }

    /// A letter that is written without a call. The order of a create may be there all the same.
    pub async fn unless_there(&self, command: &Command, letter: Settlement) -> Settlement {
        let create = match command {
            Command::CreateOrder(create) => create,
            Command::StartFulfillment(_) | Command::AmendOrder(_) | Command::UpdateRefunds(_) => return letter,
        };
        let owner = self.owner(create, self.outcome_unknown()).await;
        self.owned(create, owner, false, letter)
    }

    /// Before a create becomes a letter, a read must say that the order is absent: an earlier attempt may
    /// have taken effect with its answer lost, and this refusal be about stock that it has taken itself.
    async fn unless_created(&self, create: &CreateOrder, failure: &Failure, letter: Settlement) -> Settlement {
        let owner = self.owner(create, failure.effect_possible || self.outcome_unknown()).await;
        self.owned(create, owner, failure.effect_possible, letter)
    }

    /// The API says that an alias is taken.
    async fn compare(&self, create: &CreateOrder, conflict: &Failure) -> Settlement {
        let owner = self.owner(create, true).await;
        // taken, and yet nobody's: the API has not made up its mind, or hides the order from us
        self.owned(create, owner, true, self.taken_by_nobody(conflict))
    }

    /// What the owner of the aliases makes of it; `effect_possible` says whether this attempt may be the one.
    fn owned(&self, create: &CreateOrder, owner: Owner, effect_possible: bool, nobodys: Settlement) -> Settlement {
        match owner {
            Owner::Nobody => nobodys,
            Owner::Us { stored, differences } => self.created(create, Outcome::AlreadyExisted, &stored, differences),
            Owner::Another { why, edited: false } => self.refuse(OwnCode::AliasBelongsToAnotherOrder, &why),
            Owner::Another { why, edited: true } => {
                self.refuse_and_advise(OwnCode::AliasBelongsToAnotherOrder, &why, EDITED_ACTION)
            }
            Owner::Unclear(failure) => {
                let effect_possible = effect_possible || failure.effect_possible;
                self.unclear(&Failure { effect_possible, ..failure })
            }
        }
    }

    fn created(
        &self,
        create: &CreateOrder,
        outcome: Outcome,
        stored: &StoredOrder,
        differences: Vec<String>,
    ) -> Settlement {
        self.context.remember(self.order(), &stored.id);
        if outcome == Outcome::Created {
            let settle = self.context.timing.settle;
            self.context.changed(Operation::CreateOrder, [self.order(), &stored.id], settle);
        }
        self.done_with(ResultKind::OrderCreated, outcome, stored, |data| {
            data.lines = lines_matched(&create.input, stored, &self.context.conventions.aliases.line);
            if data.aliases.is_empty() {
                data.aliases.clone_from(&create.aliases);
            }
            data.differences = differences;
        })
    }
}
