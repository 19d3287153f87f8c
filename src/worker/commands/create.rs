//! A checkout becomes an order, once.
//!
//! Not here: reading the message.

use crate::domain::command::CreateOrder;
use crate::domain::outcome::{Outcome, ResultKind};
use crate::domain::sameness::lines_matched;
use crate::domain::stored::StoredOrder;
use crate::policy::catalogue::{Decision, EDITED_ACTION, OwnCode};
use crate::policy::classify::Failure;
use crate::policy::decide::Again;
use crate::ports::{Operation, OrderApi, Settlement};
use crate::worker::call::Call;
use crate::worker::ending::Ending;
use crate::worker::look_up::{Owner, owner};

/// Creates an order, or finds it there.
#[derive(Clone, Copy, Debug)]
pub(in crate::worker) struct Create<'a>(pub(in crate::worker) &'a CreateOrder);

impl Create<'_> {
    /// Creates the order, or finds it there.
    pub(in crate::worker) async fn apply<A: OrderApi>(self, call: &Call<'_, A>, ending: &Ending<'_>) -> Settlement {
        let created = call.send(Operation::CreateOrder, || call.context.api.create_order(&self.0.input));
        let failure = match created.await {
            Ok(stored) => return self.created(call, ending, Outcome::Created, &stored, Vec::new()),
            Err(failure) => failure,
        };
        match failure.class.decision() {
            Decision::Retry(budget) => match ending.retry(&failure, Some(budget)) {
                Again::Later(later) => Settlement::Later(later),
                Again::GiveUp { attempts } => {
                    let letter = ending.exhausted(&failure, attempts);
                    self.unless_created(call, ending, &failure, letter).await
                }
            },
            // "done" and "not there" are no answers to a create; whoever gives them, a read tells what is so
            Decision::Compare | Decision::Done | Decision::AwaitCreate => self.compare(call, ending, &failure).await,
            Decision::Refuse => self.unless_created(call, ending, &failure, ending.refused(&failure)).await,
        }
    }

    /// A letter that is written without a call. The order may be there all the same.
    pub(in crate::worker) async fn unless_there<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
        letter: Settlement,
    ) -> Settlement {
        let owner = owner(call, self.0, ending.outcome_unknown()).await;
        self.owned(call, ending, owner, false, letter)
    }

    /// Before a create becomes a letter, a read must say that the order is absent. An earlier attempt may have taken effect
    /// with its answer lost. This refusal may be about stock that it has taken itself.
    async fn unless_created<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
        failure: &Failure,
        letter: Settlement,
    ) -> Settlement {
        let owner = owner(call, self.0, failure.effect_possible || ending.outcome_unknown()).await;
        self.owned(call, ending, owner, failure.effect_possible, letter)
    }

    /// The API says that an alias is taken.
    async fn compare<A: OrderApi>(self, call: &Call<'_, A>, ending: &Ending<'_>, conflict: &Failure) -> Settlement {
        let owner = owner(call, self.0, true).await;
        // taken, and yet nobody's: the API has not made up its mind, or hides the order from us
        self.owned(call, ending, owner, true, ending.conflict_with_nobody(conflict))
    }

    /// The end by the owner of the aliases. `effect_possible` says whether this attempt may have made the order.
    fn owned<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
        owner: Owner,
        effect_possible: bool,
        nobodys: Settlement,
    ) -> Settlement {
        match owner {
            Owner::Nobody => nobodys,
            Owner::Us { stored, differences } => {
                self.created(call, ending, Outcome::AlreadyExisted, &stored, differences)
            }
            Owner::Another { why, edited: false } => ending.refuse(OwnCode::AliasBelongsToAnotherOrder, &why),
            Owner::Another { why, edited: true } => {
                ending.refuse_and_advise(OwnCode::AliasBelongsToAnotherOrder, &why, EDITED_ACTION)
            }
            Owner::Unclear(failure) => {
                let effect_possible = effect_possible || failure.effect_possible;
                ending.unclear(&Failure { effect_possible, ..failure })
            }
        }
    }

    fn created<A: OrderApi>(
        self,
        call: &Call<'_, A>,
        ending: &Ending<'_>,
        outcome: Outcome,
        stored: &StoredOrder,
        differences: Vec<String>,
    ) -> Settlement {
        let (context, Self(create)) = (call.context, self);
        context.memory.exists(call.order(), &stored.id);
        if outcome == Outcome::Created {
            let names = [call.order(), &stored.id];
            context.memory.changed(Operation::CreateOrder, names, context.timing.visible_after);
        }
        ending.done_with(ResultKind::OrderCreated, outcome, stored, |data| {
            data.lines = lines_matched(&create.input, stored, &context.conventions.aliases.line);
            if data.aliases.is_empty() {
                data.aliases.clone_from(&create.aliases);
            }
            data.differences = create.not_sent.iter().cloned().chain(differences).collect();
        })
    }
}
