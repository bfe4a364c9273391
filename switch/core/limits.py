"""Every bound of the system, in one place. Each can be raised in the network file's `[limits]` by the same name.

Rule: over a limit the switch declines, closes or drops *and says which limit and how to raise it*; it never collapses.
"""

from typing import Final

import msgspec

NEVER: Final = 1 << 62
"""A number that nothing counted here reaches."""


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """Bounds with their units in their names."""

    frame_bytes: int = 8_192
    """longest message accepted; a longer length header closes the link"""
    connections: int = 12_000
    """open at once, over all listeners"""
    unsigned_connections: int = 12_000
    """connected but not signed on, over all listeners"""
    unsigned_per_listener: int = 6_000
    """of them, on one listener; above it the oldest of the address that has most is closed"""
    unsigned_per_address: int = 2_000
    """of them, from one address; above it the oldest of that address is closed"""
    sign_on_ms: int = 30_000
    """a connection that has not signed on by then is closed"""
    handshakes: int = 2_000
    """of TLS, under way at once; above it the oldest of the address that has most is closed"""
    handshake_ms: int = 10_000
    """one that is not done by then closes the connection"""
    frame_ms: int = 30_000
    """a frame begun but not finished by then closes the link (a peer that sends a byte a second)"""
    pending: int = 20_000
    """requests awaiting an answer, over all hosts; above it DE39=96 at once"""
    send_buffer_bytes: int = 1_048_576
    """waiting to be read by one peer; above it the link is closed"""
    owed_per_host: int = 100_000
    """reversals and advices owed to one host; above it advices are refused and new payments to it declined"""
    owed_in_flight: int = 32
    """of them, sent and awaiting their answer at once, a host"""
    recent_transactions: int = 32_768
    """kept in memory for repeats and reversals; older ones are asked of the journal's index"""
    late_answers: int = 4_096
    """requests given up that a late answer can still be matched to by name"""
    late_s: int = 300
    """and for so long at least, while they are not too many"""
    exceptions: int = 10_000
    """open at once; above it nothing new is taken that would be one more"""
    standin_payments: int = 50_000
    """approved in issuers' place within 24 hours, over all hosts; above it no more are"""
    pin_devices: int = 200_000
    """terminals with DUKPT whose counters are remembered, in each snapshot, too; above it PINs of others are declined with 96"""
    chips: int = 200_000
    """cards whose chips' counters are remembered (`on_behalf`), in each snapshot, too; the one used longest ago makes room"""
    hot_cards: int = 50_000
    """cards on issuers' stop lists, over all issuers: a snapshot holds them all; above it file updates are refused with 29"""
    totals_days: int = 10
    """business days whose totals are kept to answer reconciliations from; of an older one there are none"""
    disputes: int = 10_000
    """open, or ended with money left with an issuer whose payment may still be claimed; above it no more are taken"""
    merchant_contracts: int = 20_000
    """fees without a payment, each of a merchant and kind, that have ever been charged: a snapshot holds them all"""
    batches: int = 20_000
    """classic terminals that have sent something since they last settled; above it the one longest silent is forgotten"""
    batch_messages: int = 2_000
    """of one of them since it last settled, by which its repeats, voids and reversals are known; above it the oldest is not"""
    snapshot_records: int = 200_000
    """records between two snapshots of what is open"""
    unacknowledged_records: int = 65_536
    """appended but not yet durable; above it new requests are declined with DE39=96"""
    format_errors_per_link: int = 100
    """consecutive ones; then the link is closed"""
    mac_failures_per_link: int = 10
    """consecutive ones; then the link is closed"""
    turn_ms: int = 30
    """all that is read at once is dealt with in so long; where turns stay longer for a quarter of a second, or leave something
    unread for a whole one, requests beyond what the processor serves are declined with DE39=96"""
    network_messages_per_10s: int = 200
    """sign-ons and echo tests from one link; above it they are not answered (two hosts echoing at each other)"""
    codec_layouts: int = 512
    """compiled bitmaps kept, a dialect"""
