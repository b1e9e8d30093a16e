//! libavcodec, loaded where it is installed, and what has to be said to the kernel beside it.
//!
//! The one file with `unsafe` code, used in the process that decodes and nowhere else. Of the
//! library's structures only the beginnings of `AVPacket` and `AVFrame` are looked at, which are the
//! same in all versions that are accepted; everything else is a pointer that is handed back, and what
//! there is to be set is set by name (`av_opt_set`).
#![allow(unsafe_code)]

use crate::codec::def::{DecodeError, DecodeFrames};
use crate::codec::frames::ForeignCodec;
use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use std::ffi::{CStr, c_char, c_int, c_uint, c_void};
use std::ptr::NonNull;
use std::sync::Arc;

/// Major versions whose structures are known to begin as here: FFmpeg 5, 6 and 7.
const MAJORS: [u32; 3] = [61, 60, 59];
/// `AVSampleFormat`: how samples lie in a frame. Of one channel planes are no matter.
const S16: c_int = 1;
const FLOAT: c_int = 3;
const S16_PLANE: c_int = 6;
const FLOAT_PLANE: c_int = 8;
/// `AV_LOG_QUIET`.
const QUIET: c_int = -8;

/// `AVPacket`, as far as it is looked at.
#[repr(C)]
struct AvPacket {
    buf: *mut c_void,
    pts: i64,
    dts: i64,
    data: *mut u8,
    size: c_int,
}

/// `AVFrame`, as far as it is looked at.
#[repr(C)]
struct AvFrame {
    data: [*mut u8; 8],
    linesize: [c_int; 8],
    extended_data: *mut *mut u8,
    width: c_int,
    height: c_int,
    nb_samples: c_int,
    format: c_int,
}

/// The functions, by their names and with the types that libavcodec/avcodec.h, packet.h and
/// libavutil/frame.h, opt.h and log.h give them.
struct Functions {
    find_decoder: unsafe extern "C" fn(*const c_char) -> *const c_void,
    alloc_context: unsafe extern "C" fn(*const c_void) -> *mut c_void,
    free_context: unsafe extern "C" fn(*mut *mut c_void),
    open: unsafe extern "C" fn(*mut c_void, *const c_void, *mut *mut c_void) -> c_int,
    send_packet: unsafe extern "C" fn(*mut c_void, *const AvPacket) -> c_int,
    receive_frame: unsafe extern "C" fn(*mut c_void, *mut AvFrame) -> c_int,
    packet_alloc: unsafe extern "C" fn() -> *mut AvPacket,
    packet_free: unsafe extern "C" fn(*mut *mut AvPacket),
    packet_unref: unsafe extern "C" fn(*mut AvPacket),
    new_packet: unsafe extern "C" fn(*mut AvPacket, c_int) -> c_int,
    frame_alloc: unsafe extern "C" fn() -> *mut AvFrame,
    frame_free: unsafe extern "C" fn(*mut *mut AvFrame),
    set: unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char, c_int) -> c_int,
    set_int: unsafe extern "C" fn(*mut c_void, *const c_char, i64, c_int) -> c_int,
    /// Keeps the functions where they are.
    _library: Library,
}

/// The library.
#[derive(Clone)]
pub struct Avcodec {
    functions: Arc<Functions>,
    version: u32,
}

/// Closes every descriptor but the standard ones: what was open when this process was started is none
/// of its business.
pub fn close_inherited() {
    let (first, flags): (c_uint, c_uint) = (3, 0);
    // SAFETY: closes descriptors of this process that no value of it owns, as it has opened none yet.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, c_uint::MAX, flags) };
    if done != 0 {
        for fd in 3..4096 {
            // SAFETY: as above; one that is not open is an error and nothing else.
            unsafe { libc::close(fd) };
        }
    }
}

impl Avcodec {
    /// The newest version that is installed and known; `None` where there is none.
    pub fn load() -> Option<Avcodec> {
        MAJORS.into_iter().find_map(Avcodec::load_major)
    }

    fn load_major(major: u32) -> Option<Avcodec> {
        let name = format!("libavcodec.so.{major}");
        // SAFETY: runs the initialisers of a library of the system's, in a process that has nothing to
        // lose but itself.
        let library = unsafe { Library::open(Some(name), RTLD_NOW | RTLD_LOCAL) }.ok()?;
        let version = {
            // SAFETY: `unsigned avcodec_version(void)` in every version.
            let version = unsafe { library.get::<unsafe extern "C" fn() -> c_uint>(b"avcodec_version\0") };
            // SAFETY: it takes nothing and changes nothing.
            version.ok().map(|v| unsafe { v() })?
        };
        // What calls itself something else has other structures.
        if version >> 16 != major {
            return None;
        }
        let functions = Functions::of(library)?;
        Some(Avcodec { functions: Arc::new(functions), version })
    }

    /// Major, minor and micro in 16, 8 and 8 bits.
    pub fn version(&self) -> u32 {
        self.version
    }

    /// A decoder for one stream.
    pub fn open(&self, codec: ForeignCodec) -> Option<AvStream> {
        AvStream::open(&self.functions, codec)
    }
}

impl Functions {
    fn of(library: Library) -> Option<Functions> {
        macro_rules! function {
            ($name:literal) => {
                // SAFETY: the type of the field it is for is that of the library's header, which has
                // been the same from version 59 on.
                *unsafe { library.get($name) }.ok()?
            };
        }
        // libavutil's are found through libavcodec, which is linked with it.
        let log_level: unsafe extern "C" fn(c_int) = function!(b"av_log_set_level\0");
        // SAFETY: sets a number.
        unsafe { log_level(QUIET) };
        Some(Functions {
            find_decoder: function!(b"avcodec_find_decoder_by_name\0"),
            alloc_context: function!(b"avcodec_alloc_context3\0"),
            free_context: function!(b"avcodec_free_context\0"),
            open: function!(b"avcodec_open2\0"),
            send_packet: function!(b"avcodec_send_packet\0"),
            receive_frame: function!(b"avcodec_receive_frame\0"),
            packet_alloc: function!(b"av_packet_alloc\0"),
            packet_free: function!(b"av_packet_free\0"),
            packet_unref: function!(b"av_packet_unref\0"),
            new_packet: function!(b"av_new_packet\0"),
            frame_alloc: function!(b"av_frame_alloc\0"),
            frame_free: function!(b"av_frame_free\0"),
            set: function!(b"av_opt_set\0"),
            set_int: function!(b"av_opt_set_int\0"),
            _library: library,
        })
    }
}

/// What the library calls a codec's decoders, the best first.
fn names(codec: ForeignCodec) -> &'static [&'static CStr] {
    match codec {
        ForeignCodec::G729 => &[c"g729"],
        ForeignCodec::AmrNarrow => &[c"amrnb", c"libopencore_amrnb"],
        ForeignCodec::AmrWide => &[c"amrwb", c"libopencore_amrwb"],
        ForeignCodec::Ilbc20 | ForeignCodec::Ilbc30 => &[c"ilbc", c"libilbc"],
        ForeignCodec::SpeexNarrow | ForeignCodec::SpeexWide => &[c"libspeex", c"speex"],
        ForeignCodec::G7231 => &[c"g723_1"],
    }
}

/// Bits a second, where the decoder has to be told which kind of frames it will get.
fn bit_rate(codec: ForeignCodec) -> Option<i64> {
    match codec {
        ForeignCodec::Ilbc20 => Some(15_200),
        ForeignCodec::Ilbc30 => Some(13_333),
        ForeignCodec::G729
        | ForeignCodec::AmrNarrow
        | ForeignCodec::AmrWide
        | ForeignCodec::SpeexNarrow
        | ForeignCodec::SpeexWide
        | ForeignCodec::G7231 => None,
    }
}

/// One stream's decoder.
pub struct AvStream {
    functions: Arc<Functions>,
    codec: ForeignCodec,
    /// Opened, and freed with this.
    context: NonNull<c_void>,
    packet: NonNull<AvPacket>,
    frame: NonNull<AvFrame>,
}

// SAFETY: nobody else has these pointers, and the library binds none of them to a thread.
unsafe impl Send for AvStream {}

impl std::fmt::Debug for AvStream {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AvStream").field("codec", &self.codec).finish_non_exhaustive()
    }
}

impl AvStream {
    fn open(functions: &Arc<Functions>, codec: ForeignCodec) -> Option<AvStream> {
        names(codec).iter().find_map(|name| AvStream::open_named(functions, codec, name))
    }

    fn open_named(functions: &Arc<Functions>, codec: ForeignCodec, name: &CStr) -> Option<AvStream> {
        let f = &**functions;
        // SAFETY: the name ends with a zero; what comes back is static, or null.
        let decoder = unsafe { (f.find_decoder)(name.as_ptr()) };
        if decoder.is_null() {
            return None;
        }
        // SAFETY: the decoder is the library's own; null where there is no memory.
        let context = NonNull::new(unsafe { (f.alloc_context)(decoder) })?;
        // SAFETY: takes nothing; null where there is no memory.
        let packet = NonNull::new(unsafe { (f.packet_alloc)() });
        // SAFETY: as above.
        let frame = NonNull::new(unsafe { (f.frame_alloc)() });
        let (Some(packet), Some(frame)) = (packet, frame) else { std::process::abort() };
        // From here on all three are freed with it.
        let stream = AvStream { functions: Arc::clone(functions), codec, context, packet, frame };
        let options =
            [(c"ar", Some(i64::from(codec.rate_hz()))), (c"threads", Some(1)), (c"b", bit_rate(codec))];
        for (option, value) in options.into_iter().filter_map(|(o, v)| Some((o, v?))) {
            // SAFETY: a context begins with its class, by which options are found; it is not open yet.
            unsafe { (f.set_int)(context.as_ptr(), option.as_ptr(), value, 0) };
        }
        // SAFETY: as above, and both texts end with a zero.
        let is_mono = unsafe { (f.set)(context.as_ptr(), c"ch_layout".as_ptr(), c"mono".as_ptr(), 0) };
        if is_mono < 0 {
            // SAFETY: as above; what older versions call it.
            unsafe { (f.set_int)(context.as_ptr(), c"ac".as_ptr(), 1, 0) };
        }
        // SAFETY: context and decoder belong together; no further options.
        let opened = unsafe { (f.open)(context.as_ptr(), decoder, std::ptr::null_mut()) };
        (opened >= 0).then_some(stream)
    }

    /// Appends what one frame decodes to; false where it does not.
    fn decode_one(&mut self, octets: &[u8], out: &mut Vec<i16>) -> bool {
        let f = &*self.functions;
        let Ok(size) = c_int::try_from(octets.len()) else { return false };
        // SAFETY: the packet is ours and empty; on success it holds `size` octets, with room behind.
        if size == 0 || unsafe { (f.new_packet)(self.packet.as_ptr(), size) } < 0 {
            return false;
        }
        // SAFETY: `data` points to `size` octets that nobody else has.
        unsafe { std::ptr::copy_nonoverlapping(octets.as_ptr(), self.packet.as_ref().data, octets.len()) };
        // SAFETY: context is open, packet is whole; the library takes what it needs of it.
        let sent = unsafe { (f.send_packet)(self.context.as_ptr(), self.packet.as_ptr()) };
        // SAFETY: the packet is ours still, and empty after.
        unsafe { (f.packet_unref)(self.packet.as_ptr()) };
        let start = out.len();
        // SAFETY: context is open, frame is ours; what it held is let go first.
        while sent >= 0 && unsafe { (f.receive_frame)(self.context.as_ptr(), self.frame.as_ptr()) } >= 0 {
            self.take_samples(out);
        }
        out.len() > start
    }

    /// Appends the samples of the frame, of its first channel; there is one.
    fn take_samples(&self, out: &mut Vec<i16>) {
        // SAFETY: the library has just filled it.
        let frame = unsafe { self.frame.as_ref() };
        let count = usize::try_from(frame.nb_samples).unwrap_or(0);
        let [data, ..] = frame.data;
        let width = match frame.format {
            S16 | S16_PLANE => 2,
            FLOAT | FLOAT_PLANE => 4,
            _ => return,
        };
        // `linesize` says how long the first plane is.
        let [length, ..] = frame.linesize;
        if data.is_null() || usize::try_from(length).unwrap_or(0) < count * width {
            return;
        }
        // SAFETY: that many octets lie there, by what the library says, until the frame is used again.
        let octets = unsafe { std::slice::from_raw_parts(data, count * width) };
        match width {
            2 => out.extend(octets.chunks_exact(2).map(|b| i16::from_ne_bytes([b[0], b[1]]))),
            _ => out.extend(octets.chunks_exact(4).map(|b| {
                // As FFmpeg converts: rounded to even, and held at full scale.
                let sample = f32::from_ne_bytes([b[0], b[1], b[2], b[3]]) * 32_768.0;
                sample.round_ties_even() as i16
            })),
        }
    }
}

impl DecodeFrames for AvStream {
    fn decode(&mut self, frames: &[&[u8]], out: &mut Vec<i16>) -> Result<(), DecodeError> {
        let (start, n) = (out.len(), self.codec.frame_samples());
        let mut decoded = 0;
        for (i, frame) in frames.iter().enumerate() {
            decoded += usize::from(self.decode_one(frame, out));
            // What is no frame is as long as one, and silent.
            out.resize(start + (i + 1) * n, 0);
        }
        if decoded == 0 && !frames.is_empty() {
            out.truncate(start);
            return Err(DecodeError::Corrupt);
        }
        Ok(())
    }

    fn reset(&mut self) {
        // Not every decoder forgets when it is flushed; a new one has nothing to forget.
        if let Some(new) = AvStream::open(&self.functions, self.codec) {
            *self = new;
        }
    }
}

impl Drop for AvStream {
    fn drop(&mut self) {
        let f = &*self.functions;
        let mut context = self.context.as_ptr();
        let (mut packet, mut frame) = (self.packet.as_ptr(), self.frame.as_ptr());
        // SAFETY: each was allocated by the library for this, and nobody has it after.
        unsafe {
            (f.free_context)(&mut context);
            (f.packet_free)(&mut packet);
            (f.frame_free)(&mut frame);
        }
    }
}
