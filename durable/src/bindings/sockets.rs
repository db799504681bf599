//! An object's end of its readers' links.

use super::object::Place;
use super::{glue, task, Failure};
use crate::stream::link;
use wasm_bindgen::JsValue;

/// A WebSocket that outlives the object's sleep.
#[derive(Clone)]
pub struct Socket(pub JsValue);

/// Whether a request asks for a WebSocket.
pub fn is_upgrade(request: &JsValue) -> bool {
    glue::is_upgrade(request).unwrap_or(false)
}

/// Takes a link: the response to the request that asked for it.
///
/// # Errors
/// Where the platform has no socket to give.
pub fn accept(state: &JsValue) -> Result<JsValue, Failure> {
    Ok(glue::accept_socket(state)?)
}

/// Takes a caller's socket: the response to the request that asked for it, and our end.
///
/// # Errors
/// Where the platform has no socket to give.
pub fn accept_attachment(state: &JsValue) -> Result<(JsValue, Socket), Failure> {
    let both = glue::accept_attachment(state)?;
    Ok((both.get(0), Socket(both.get(1))))
}

/// The same for the socket of a call, with the answer to who asks to run it, if that is known.
///
/// # Errors
/// Where the platform has no socket to give.
pub fn accept_call(state: &JsValue, answer: Option<&str>) -> Result<(JsValue, Socket), Failure> {
    let both = glue::accept_call(state, answer)?;
    Ok((both.get(0), Socket(both.get(1))))
}

/// The same for an object with sockets of several kinds, which it tells apart by a tag.
///
/// # Errors
/// Where the platform has no socket to give.
pub fn accept_tagged(state: &JsValue, tag: &str) -> Result<(JsValue, Socket), Failure> {
    let both = glue::accept_tagged(state, tag)?;
    Ok((both.get(0), Socket(both.get(1))))
}

/// The object's open sockets of one kind; none where the platform does not tell.
pub fn tagged(state: &JsValue, tag: &str) -> Vec<Socket> {
    glue::tagged_sockets(state, tag).map(|open| open.iter().map(Socket).collect()).unwrap_or_default()
}

/// Which kind of socket it is.
pub fn tag(state: &JsValue, socket: &Socket) -> Option<String> {
    glue::socket_tag(state, &socket.0).ok().flatten()
}

/// What a caller's upgrade says of the caller; `None` for one that is no caller's.
pub fn admitted(request: &JsValue) -> Option<String> {
    glue::admitted(request).ok().flatten()
}

/// Passes a caller's upgrade on to an object, and says who the caller is. The response with the socket, or in
/// `Err` what the object answered instead.
///
/// # Errors
/// Where the object cannot be reached.
pub async fn open_attachment(
    env: &JsValue,
    object: &Place,
    who: &str,
    headers: &str,
) -> Result<Result<JsValue, String>, Failure> {
    let answer = task::settled(&glue::open_attachment(env, &object.0, who, headers)?).await?;
    Ok(match answer.as_string() {
        Some(text) => Err(text),
        None => Ok(answer),
    })
}

/// A message as a hub takes it.
pub enum Message {
    /// Text.
    Text(String),
    /// Bytes.
    Bytes,
    /// Text of more characters than are read.
    TooLong,
}

/// Reads a message of at most `most` characters.
pub fn message(message: &JsValue, most: usize) -> Message {
    #[allow(clippy::cast_possible_truncation, reason = "lengths are whole numbers below 2^53")]
    let length = glue::message_length(message).map_or(-1, |length| length as i64);
    match usize::try_from(length) {
        Err(_) => Message::Bytes,
        Ok(length) if length > most => Message::TooLong,
        Ok(_) => Message::Text(message.as_string().unwrap_or_default()),
    }
}

/// Takes a message of bytes, which is empty afterwards; `None` for a text.
pub fn take_bytes(message: &JsValue) -> Option<Vec<u8>> {
    if message.is_string() {
        return None;
    }
    let bytes = js_sys::Uint8Array::new(message).to_vec();
    let _ = glue::free(message);
    Some(bytes)
}

/// Sends bytes; a socket that is closed already swallows them.
pub fn send_bytes(socket: &Socket, bytes: &[u8]) {
    let _ = glue::send_bytes(&socket.0, bytes);
}

/// The object's open sockets; none where the platform does not tell.
pub fn open(state: &JsValue) -> Vec<Socket> {
    glue::open_sockets(state).map(|sockets| sockets.iter().map(Socket).collect()).unwrap_or_default()
}

impl link::Socket for Socket {
    type Text = JsValue;

    fn text(text: &str) -> JsValue {
        JsValue::from_str(text)
    }

    fn bytes(text: &str) -> JsValue {
        js_sys::Uint8Array::from(text.as_bytes()).into()
    }

    fn state(&self) -> Option<String> {
        glue::socket_state(&self.0).ok().flatten()
    }

    // A socket that is closed already throws; its reader comes back with the cursor that it saw last.
    fn keep(&self, state: &str) {
        let _ = glue::keep_state(&self.0, state);
    }

    fn send(&self, text: &JsValue) {
        let _ = glue::send_text(&self.0, text);
    }

    fn buffered(&self) -> u64 {
        glue::buffered_amount(&self.0).map_or(0, whole)
    }

    fn number(&self) -> u64 {
        glue::socket_number(&self.0).map_or(0, whole)
    }

    fn set_number(&self, number: u64) {
        #[allow(clippy::cast_precision_loss, reason = "counts are far below 2^53")]
        let number = number as f64;
        let _ = glue::number_socket(&self.0, number);
    }

    fn close(&self, code: u16, reason: &str) {
        let _ = glue::close_socket(&self.0, code, reason);
    }
}

fn whole(number: f64) -> u64 {
    #[allow(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "counts are whole and below 2^53"
    )]
    let whole = number as u64;
    whole
}
