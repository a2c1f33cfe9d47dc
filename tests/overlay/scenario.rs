//! A stack of layers, calls made on it, and what is to come of them.

use std::fmt;

use minicontainer_layers::{
    Overlay, Tree,
    overlay::{Answer, Effect, Errno, Mounter, Operation},
};

/// The time of whatever was changed during the test, in the model and, after reading, on the disk.
pub const NOW: u64 = 8_888_888_888;

/// Layers, the lowest first, and calls.
#[derive(Clone)]
pub struct Scenario {
    pub layers: Vec<Tree>,
    pub operations: Vec<Operation>,
}

/// What came of it. An error is its number, for the kernel may give one that the model has never heard of.
#[derive(Debug, PartialEq, Eq)]
pub struct Result {
    pub answers: Vec<std::result::Result<Answer, i32>>,
    pub merged: Tree,
    pub upper: Tree,
}

impl Scenario {
    /// What the model says, and what it says happened on the way.
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

    /// In what the two differ; nothing, if they do not.
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

/// As a script that a person can follow.
impl fmt::Debug for Scenario {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (number, layer) in self.layers.iter().enumerate() {
            writeln!(formatter, "layer {number}\n{layer:?}")?;
        }
        self.operations.iter().try_for_each(|operation| writeln!(formatter, "{operation}"))
    }
}
