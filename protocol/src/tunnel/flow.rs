//! How much may be under way: a sender has [`Credit`], the receiver an [`Allowance`] for it.
//!
//! Room is given as bytes are taken by whoever they are for, so a caller who reads slowly slows its own pod down and
//! nobody else. Credit never exceeds its window: room that was given twice, as an endpoint does that has slept, is no
//! harm.

/// What a sender may still send.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Credit {
    left: u32,
    most: u32,
}

impl Credit {
    /// A whole window.
    pub fn new(window: u32) -> Self {
        Self { left: window, most: window }
    }

    /// Bytes that may be sent now.
    pub fn left(self) -> u32 {
        self.left
    }

    /// Bytes were sent; never more than [`Credit::left`] are taken.
    pub fn spend(&mut self, bytes: u32) {
        self.left = self.left.saturating_sub(bytes);
    }

    /// The other end has made room.
    pub fn add(&mut self, room: u32) {
        self.left = self.left.saturating_add(room).min(self.most);
    }
}

/// More came than there was room for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Overrun;

/// What a receiver has room for, and what it has not told of yet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Allowance {
    left: u32,
    taken: u32,
    most: u32,
}

impl Allowance {
    /// A whole window.
    pub fn new(window: u32) -> Self {
        Self { left: window, taken: 0, most: window }
    }

    /// Bytes have come.
    ///
    /// # Errors
    /// [`Overrun`], and nothing is counted.
    pub fn receive(&mut self, bytes: u32) -> Result<(), Overrun> {
        self.left = self.left.checked_sub(bytes).ok_or(Overrun)?;
        Ok(())
    }

    /// Bytes went on to whoever they are for. Answers the room to tell the other end of, once it is worth a frame: a
    /// quarter of the window.
    pub fn pass(&mut self, bytes: u32) -> Option<u32> {
        self.taken = self.taken.saturating_add(bytes);
        if self.taken < self.most / 4 {
            return None;
        }
        let room = std::mem::take(&mut self.taken);
        self.left = self.left.saturating_add(room).min(self.most);
        Some(room)
    }
}
