//! The eight published examples of `createOrder`, text for text.
//! Not here: variables.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::Rig;

/// Example with a documented answer that the simulator cannot give. The answer has title and price from a catalogue,
/// and another member amount than the input.
const WITH_CATALOGUE: &str = "create-order-with-bundle-product-for-prime-and-non-prime-items";

#[tokio::test]
async fn every_published_example_is_answered_as_published() {
    let examples = mutations();
    assert_eq!(examples.len(), 8);
    for mutation in examples {
        let rig = Rig::start().await;
        let answer = rig.call(&std::fs::read_to_string(&mutation).unwrap(), &json!({})).await;
        assert_eq!(without_times(answer), without_times(documented_answer(&mutation)), "{}", mutation.display());
        assert_eq!(rig.simulator.ledger().orders_created(), 1);
    }
}

fn mutations() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/simulator/examples");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    files.filter(|path| path.extension().is_some_and(|extension| extension == "graphql")).collect()
}

fn documented_answer(mutation: &Path) -> Value {
    let mut answer: Value =
        serde_json::from_str(&std::fs::read_to_string(mutation.with_extension("json")).unwrap()).unwrap();
    if mutation.file_stem().unwrap() == WITH_CATALOGUE {
        let product = &mut answer["data"]["createOrder"]["order"]["lineItems"][1]["product"];
        product["title"] = Value::Null;
        product["price"] = Value::Null;
        product["purchaseGroupMembership"]["memberAmount"]["value"] = json!(2);
    }
    answer
}

fn without_times(mut answer: Value) -> Value {
    for line in answer["data"]["createOrder"]["order"]["lineItems"].as_array_mut().unwrap() {
        let created_at = line["createdAt"].take();
        assert_eq!(created_at.as_str().map(str::len), Some("2022-02-22T16:13:11.798Z".len()), "{created_at}");
    }
    answer
}
