"""Settings of the stage `download`."""

from pydantic import Field

from lcvd.config.section import Section


class DownloadSettings(Section):
    """Stage ``download``."""

    timeout_s: float = Field(30.0, gt=0)
    """Seconds without receiving any data after which a connection is aborted."""
    retries: int = Field(3, ge=0)
    """Maximum number of retries after a time-out, a truncated response or an HTTP 5xx status. A 404 is never retried."""
    backoff_s: float = Field(1.0, ge=0)
    """Delay in seconds before the first retry. It doubles with every further retry, with random jitter."""
    patience_s: float = Field(300.0, ge=0)
    """Longest delay in seconds that is accepted from a host's Retry-After header. A longer one ends the retries of that source."""
    per_host: int = Field(2, ge=1)
    """Maximum number of concurrent downloads from one host, over all workers of a machine."""
    pause_s: float = Field(0.0, ge=0)
    """Minimum time in seconds between the starts of two downloads from one host."""
    rate_mb_s: float = Field(0.0, ge=0)
    """Maximum download rate from one host in megabytes per second, shared by all workers of a machine; 0 means no limit."""
    give_up_after: int = Field(10, ge=1)
    """Number of consecutive refusals by a host after which this run sends it no further requests."""
    min_free_gb: float = Field(2.0, ge=0)
    """Disk space in gigabytes that must stay free. The stage stops before it would use this space."""
    cookies: str = ""
    """Path of a cookies.txt file in Netscape format, for sites that show videos only to logged-in users; empty means none."""
    format: str = "bv[vcodec^=avc1]/bv[vcodec^=vp9]/bv/b"
    """yt-dlp format selector. The default is the best video stream without audio in a codec that decord can decode."""
    max_bytes: int = Field(4_000_000_000, gt=0)
    """Maximum size of a source in bytes. The download of a larger source is aborted."""
    allow_private: bool = False
    """Allow http(s) addresses that resolve to loopback, private or link-local networks."""
