"""What others make of a stream with packets missing: nothing, libavcodec, SpanDSP, the ITU-T's appendix I, libopus."""

import ctypes
import ctypes.util

import av
import numpy as np

DECODERS = {"PCMA": "pcm_alaw", "G722": "g722", "opus": "opus", "opus-fec": "opus"}
NATIVE = {"PCMA": 8000, "G722": 16000, "opus": 48000, "opus-fec": 48000}


def heard(method, call, appendix):
    """The sound of a call by one of them, at the rate its codec is decoded to."""
    if call.codec in ("opus", "opus-fec"):
        return {"nothing": opus_silent, "ffmpeg": decoded, "libopus": opus_concealed}[method](call)
    if method in ("nothing", "ffmpeg"):
        # libavcodec conceals neither: what is missing is left out, and is silence where it was.
        return decoded(call)
    return {"spandsp": spandsp, "appendix": lambda c: appendix_i(c, appendix)}[method](call)


def decoded(call):
    """By libavcodec, every packet where its timestamp says, silence elsewhere."""
    codec = av.CodecContext.create(DECODERS[call.codec], "r")
    rate = NATIVE[call.codec]
    codec.sample_rate, codec.layout = rate, "mono"
    if call.codec in ("opus", "opus-fec"):
        codec.extradata = b"OpusHead\x01\x01" + bytes(2) + (16000).to_bytes(4, "little") + bytes(3)
    step = rate // 50
    out = np.zeros(len(call.stream.packets) * step, np.int16)
    for n, payload in enumerate(call.stream.packets):
        if n in call.lost:
            continue
        for frame in codec.decode(av.Packet(payload)):
            samples = frame.to_ndarray().reshape(-1)
            if samples.dtype != np.int16:
                samples = np.clip(np.rint(samples * 32768), -32768, 32767).astype(np.int16)
            out[n * step:n * step + len(samples)] = samples[:step]
    return out


def in_frames(call, step):
    """Decoded frames, None for lost ones."""
    whole = decoded(call)
    return [None if n in call.lost else whole[n * step:(n + 1) * step].copy() for n in range(len(call.stream.packets))]


def pointer(samples):
    """For C."""
    return samples.ctypes.data_as(ctypes.POINTER(ctypes.c_int16))


def spandsp(call):
    """SpanDSP's plc, as Asterisk and FreeSWITCH have it; it is made for 8 kHz."""
    lib = ctypes.CDLL(ctypes.util.find_library("spandsp"))
    lib.plc_init.restype = ctypes.c_void_p
    lib.plc_init.argtypes = [ctypes.c_void_p]
    for name in ("plc_rx", "plc_fillin"):
        getattr(lib, name).argtypes = [ctypes.c_void_p, ctypes.POINTER(ctypes.c_int16), ctypes.c_int]
    lib.plc_free.argtypes = [ctypes.c_void_p]
    state = lib.plc_init(None)
    step, out = NATIVE[call.codec] // 50, []
    for frame in in_frames(call, step):
        if frame is None:
            frame = np.zeros(step, np.int16)
            lib.plc_fillin(state, pointer(frame), step)
        else:
            lib.plc_rx(state, pointer(frame), step)
        out.append(frame)
    lib.plc_free(state)
    return np.concatenate(out)


def appendix_i(call, path):
    """The ITU-T's own code, which gives its sound 3.75 ms late."""
    lib = ctypes.CDLL(path)
    state = ctypes.create_string_buffer(1 << 16)
    lib.g711plc_construct(state)
    out = []
    for frame in in_frames(call, 160):
        for half in range(2):
            if frame is None:
                piece = np.zeros(80, np.int16)
                lib.g711plc_dofe(state, pointer(piece))
            else:
                piece = frame[half * 80:half * 80 + 80].copy()
                lib.g711plc_addtohistory(state, pointer(piece))
            out.append(piece)
    return np.concatenate(out)[30:]


def libopus():
    """Debian's library."""
    lib = ctypes.CDLL("libopus.so.0")
    lib.opus_decoder_create.restype = ctypes.c_void_p
    lib.opus_decoder_create.argtypes = [ctypes.c_int32, ctypes.c_int, ctypes.POINTER(ctypes.c_int)]
    lib.opus_decode.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_int32, ctypes.POINTER(ctypes.c_int16),
                                ctypes.c_int, ctypes.c_int]
    lib.opus_decoder_destroy.argtypes = [ctypes.c_void_p]
    lib.opus_get_version_string.restype = ctypes.c_char_p
    return lib


def opus_version():
    """As it tells itself."""
    return libopus().opus_get_version_string().decode()


def opus(call, conceals):
    """By libopus; it is told of losses or not, and uses the copies in next packets where the sender puts them."""
    lib, error = libopus(), ctypes.c_int()
    state, out = lib.opus_decoder_create(48000, 1, ctypes.byref(error)), []
    for n, payload in enumerate(call.stream.packets):
        piece = np.zeros(960, np.int16)
        if n not in call.lost:
            lib.opus_decode(state, payload, len(payload), pointer(piece), 960, 0)
        elif conceals and call.codec == "opus-fec" and n + 1 not in call.lost:
            copy = call.stream.packets[n + 1]
            lib.opus_decode(state, copy, len(copy), pointer(piece), 960, 1)
        elif conceals:
            lib.opus_decode(state, None, 0, pointer(piece), 960, 0)
        out.append(piece)
    lib.opus_decoder_destroy(state)
    return np.concatenate(out)


def opus_silent(call):
    """Silence for what is missing."""
    return opus(call, False)


def opus_concealed(call):
    """Its own concealment, for as long as the loss lasts."""
    return opus(call, True)
