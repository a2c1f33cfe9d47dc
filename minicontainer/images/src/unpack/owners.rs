//! Counts the files that cannot keep their owner, because an ordinary user has no id for it.
//!
//! So there is one warning for each layer, and not one for each file.

use minicontainer::core::explain::Message;
use tar::EntryType;

use super::{UnpackError, archive::Member, entry::EntryPath, metadata::Metadata, unpacker::Unpacker};
use crate::warning::warning;

impl Unpacker {
    /// The metadata of a member, with root as the owner if its own owner cannot be kept.
    pub(super) fn metadata(&mut self, member: &mut Member, path: &EntryPath) -> Result<Metadata, UnpackError> {
        let mut metadata = Metadata::read(member, path)?;
        let kind = member.header.entry_type();
        let is_kept = metadata.keep_owner(&self.owners, kind == EntryType::Directory);
        // A hard link has the owner of its target.
        self.without_owner += u64::from(!is_kept && kind != EntryType::Link);
        Ok(metadata)
    }

    /// The warning about these files, if there are any.
    pub(super) fn owner_warning(&self) -> Option<Message> {
        if self.without_owner == 0 {
            return None;
        }
        let cause = match self.owners.limit() {
            (cause, None) => cause,
            (cause, Some(fix)) => warning("lost-owners-fix", [("cause", cause.into()), ("fix", fix.into())]),
        };
        Some(warning("lost-owners", [("count", self.without_owner.into()), ("cause", cause.into())]))
    }
}
