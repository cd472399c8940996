"""Settings of the stage `download`."""

from __future__ import annotations

from pydantic import Field

from lcvd.config.section import Section


class DownloadSettings(Section):
    """Stage ``download``."""

    timeout_s: float = Field(30.0, gt=0)
    """Seconds without a byte before a connection is given up."""
    retries: int = Field(3, ge=0)
    """Further tries after a time-out, a truncated body or a 5xx; a 404 isn't tried again."""
    backoff_s: float = Field(1.0, ge=0)
    """First pause before a further try; it doubles, with jitter."""
    patience_s: float = Field(300.0, ge=0)
    """Longest pause that a host may ask for (Retry-After); a longer one blocks the source."""
    per_host: int = Field(2, ge=1)
    """Sources fetched from one host at once, by all workers of a machine together."""
    pause_s: float = Field(0.0, ge=0)
    """Seconds between two beginnings at one host."""
    rate_mb_s: float = Field(0.0, ge=0)
    """Megabytes a second from one host, by all workers of a machine together; 0 means no limit."""
    give_up_after: int = Field(10, ge=1)
    """Sources that a host refuses in a row before it isn't asked again in this run."""
    min_free_gb: float = Field(2.0, ge=0)
    """Gigabytes that stay free on the disk; the stage ends before they are used."""
    cookies: str = ""
    """A cookies.txt of your own (Netscape's format), for sites that show a video to their users only."""
    format: str = "bv[vcodec^=avc1]/bv[vcodec^=vp9]/bv/b"
    """What yt-dlp takes from a site, in its own language: the best picture, without sound, that decord decodes."""
    max_bytes: int = Field(4_000_000_000, gt=0)
    """A larger source is refused while it arrives."""
    allow_private: bool = False
    """Allow http(s) addresses that resolve to loopback, private or link-local networks."""
