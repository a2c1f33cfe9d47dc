//! A scenario: layers, and calls on the overlay of them; and its result.

use std::fmt;

use minicontainer_layers::{
    Overlay, Tree,
    overlay::{Answer, Effect, Errno, Mounter, Operation},
};

/// The modification time of every file that changed during the test, in the model and in trees read from disk.
pub const NOW: u64 = 8_888_888_888;

/// Layers, lowest first, and calls.
#[derive(Clone)]
pub struct Scenario {
    pub layers: Vec<Tree>,
    pub operations: Vec<Operation>,
}

/// The result of a scenario. An error is a number, because the kernel may return one that the model does not have.
#[derive(Debug, PartialEq, Eq)]
pub struct Result {
    pub answers: Vec<std::result::Result<Answer, i32>>,
    pub merged: Tree,
    pub upper: Tree,
}

impl Scenario {
    /// The model's result, and the effects of the calls.
    pub fn on_model(&self, mounter: Mounter) -> (Result, Vec<Effect>) {
        let mut overlay = Overlay::new(self.layers.clone(), Tree::new()).mounted_by(mounter);
        overlay.set_clock(NOW);
        let (mut answers, mut effects) = (vec![], vec![]);
        for operation in &self.operations {
            let outcome = overlay.perform(operation);
            answers.push(outcome.answer.map_err(Errno::number));
            effects.extend(outcome.effects);
        }
        (Result { answers, merged: overlay.merged(), upper: overlay.upper().clone() }, effects)
    }

    /// The first difference between the two results, or `None`.
    pub fn difference(&self, model: &Result, kernel: &Result) -> Option<String> {
        for ((operation, model), kernel) in self.operations.iter().zip(&model.answers).zip(&kernel.answers) {
            if model != kernel {
                return Some(format!("{operation}\n    the model:  {model:?}\n    the kernel: {kernel:?}"));
            }
        }
        let trees =
            [("merged tree", &model.merged, &kernel.merged), ("upper directory", &model.upper, &kernel.upper)];
        trees
            .iter()
            .find(|(_, model, kernel)| model != kernel)
            .map(|(name, model, kernel)| format!("the {name} of the model:\n{model:?}and of the kernel:\n{kernel:?}"))
    }
}

/// Formats the scenario as a readable script.
impl fmt::Debug for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, layer) in self.layers.iter().enumerate() {
            writeln!(formatter, "layer {number}\n{layer:?}")?;
        }
        self.operations.iter().try_for_each(|operation| writeln!(formatter, "{operation}"))
    }
}
