//! Messages: frames one after the other, each `kind (1) length (3) stream (4) payload`, numbers with the highest byte
//! first.

use super::{Frame, FrameError, Kind, FRAME_HEAD, MAX_BODY, MAX_MESSAGE};

/// The frames of a message, in order. After an error there are no more.
#[derive(Debug, Clone)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// The frames of a message.
    ///
    /// # Errors
    /// [`FrameError::Message`] where it is empty or too long.
    pub fn of(message: &'a [u8]) -> Result<Self, FrameError> {
        if message.is_empty() || message.len() > MAX_MESSAGE {
            Err(FrameError::Message)
        } else {
            Ok(Self { rest: message })
        }
    }

    fn read(&mut self) -> Result<(u32, Frame<'a>), FrameError> {
        let (head, rest) = self.rest.split_first_chunk::<FRAME_HEAD>().ok_or(FrameError::Cut)?;
        let [kind, l2, l1, l0, s3, s2, s1, s0] = *head;
        let length = u32::from_be_bytes([0, l2, l1, l0]) as usize;
        let stream = u32::from_be_bytes([s3, s2, s1, s0]);
        let kind = Kind::of(kind).ok_or(FrameError::Kind(kind))?;
        Frame::check_head(kind, stream, length)?;
        let (payload, rest) = rest.split_at_checked(length).ok_or(FrameError::Cut)?;
        self.rest = rest;
        Ok((stream, Frame::read(kind, payload)?))
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<(u32, Frame<'a>), FrameError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let read = self.read();
        if read.is_err() {
            self.rest = &[];
        }
        Some(read)
    }
}

/// A message that is being written.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Message {
    bytes: Vec<u8>,
}

impl Message {
    /// A message of one frame.
    ///
    /// # Errors
    /// As [`Message::push`].
    pub fn of(stream: u32, frame: &Frame<'_>) -> Result<Vec<u8>, FrameError> {
        let mut message = Self::default();
        message.push(stream, frame)?;
        Ok(message.bytes)
    }

    /// Adds a frame.
    ///
    /// # Errors
    /// Where the other end would refuse it, or the message would be too long; the message is as before then.
    pub fn push(&mut self, stream: u32, frame: &Frame<'_>) -> Result<(), FrameError> {
        let kind = frame.kind();
        let at = self.bytes.len();
        self.bytes.extend_from_slice(&[0; FRAME_HEAD]);
        let written = frame.write(&mut self.bytes).and_then(|()| {
            let length = self.bytes.len() - at - FRAME_HEAD;
            Frame::check_head(kind, stream, length)?;
            if self.bytes.len() > MAX_MESSAGE {
                return Err(FrameError::Message);
            }
            Ok(length)
        });
        let [_, l2, l1, l0] = match written {
            // Payloads are shorter than 2^24 bytes.
            Ok(length) => u32::try_from(length).unwrap_or_default().to_be_bytes(),
            Err(error) => {
                self.bytes.truncate(at);
                return Err(error);
            }
        };
        let [s3, s2, s1, s0] = stream.to_be_bytes();
        if let Some(head) = self.bytes.get_mut(at..).and_then(<[u8]>::first_chunk_mut::<FRAME_HEAD>) {
            *head = [kind as u8, l2, l1, l0, s3, s2, s1, s0];
        }
        Ok(())
    }

    /// Adds bytes of a body, in as many frames as it takes.
    ///
    /// # Errors
    /// As [`Message::push`].
    pub fn push_body(&mut self, stream: u32, body: &[u8]) -> Result<(), FrameError> {
        body.chunks(MAX_BODY).try_for_each(|part| self.push(stream, &Frame::Body(part)))
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Its length in bytes.
    pub fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The bytes to send; the message is empty afterwards.
    pub fn take(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.bytes)
    }
}
