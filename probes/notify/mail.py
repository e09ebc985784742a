"""A notice as an e-mail, and the mail server that takes it. It blocks: `probes.notify.child` runs it."""

import html
import smtplib
import ssl
from collections.abc import Iterator, Sequence
from email.message import EmailMessage
from email.utils import format_datetime
from typing import Final

from probes.policy.channel_url import Address, read_url, secrets_in
from probes.policy.delivery import ChannelKind, Destination, Parcel, Receipt, Result
from probes.policy.notices import Announcement
from probes.protocol.errors import clean_text
from probes.protocol.outcome import rfc3339
from probes.protocol.redaction import scrub

SECONDS: Final = 8.0  # for each thing that is said to the server
_LONGEST_ANSWER: Final = 200
_ROW: Final = '<tr><th align="left" style="padding-right:1em">{}</th><td>{}</td></tr>'


def message_of(parcel: Parcel, destination: Destination) -> EmailMessage:
    """Return the message, the same at each attempt: text, and the same as HTML.

    All messages of an incident are one conversation for mail programs.
    """
    told = parcel.announcement
    domain = destination.sender.rpartition("@")[2]
    message = EmailMessage()
    message["Subject"] = f"[{told.severity.value}] {told.title}"
    message["From"] = destination.sender
    message["To"] = ", ".join(destination.recipients)
    message["Date"] = format_datetime(parcel.made_at)
    message["Message-ID"] = f"<{parcel.uid}@{domain}>"
    if told.incident_id is not None:
        began = told.facts["incident"]["opened_at"].replace(":", "")
        message["References"] = f"<incident-{told.incident_id}.{began}@{domain}>"
    message["Auto-Submitted"] = "auto-generated"
    message["X-Kairos-Key"] = clean_text(told.key, 420)
    rows = _rows(told)
    lines = [told.title, "", *([told.text, ""] if told.text else []), *(f"{name}: {value}" for name, value in rows)]
    message.set_content("\n".join(lines) + "\n")
    table = "".join(_ROW.format(html.escape(name), html.escape(value)) for name, value in rows)
    text = f"<p>{html.escape(told.text)}</p>" if told.text else ""
    message.add_alternative(
        f"<!doctype html><html><body><h2>{html.escape(told.title)}</h2>{text}<table>{table}</table></body></html>\n",
        subtype="html",
    )
    return message


def send(destination: Destination, parcels: Sequence[Parcel]) -> Iterator[Receipt]:
    """Deliver notices over one connection, and yield what came of each; it ends where the server cannot be used."""
    hidden = secrets_in(destination.url)
    try:
        address = read_url(ChannelKind.EMAIL, destination.url)
        server = _connect(address, destination.ca_pem)
    except (OSError, smtplib.SMTPException, ValueError) as error:
        yield Receipt(id=parcels[0].id, result=Result.UNREACHABLE, detail=_said(error, hidden))
        return
    try:
        for parcel in parcels:
            receipt = _deliver(server, destination, parcel, hidden)
            yield receipt
            if receipt.result is Result.UNREACHABLE:
                return
    finally:
        server.close()


def _connect(address: Address, ca_pem: str) -> smtplib.SMTP:
    origin = address.origin
    host = origin.host.strip("[]")
    context = ssl.create_default_context()
    if ca_pem:
        context.load_verify_locations(cadata=ca_pem)
    if origin.scheme == "smtps":
        server: smtplib.SMTP = smtplib.SMTP_SSL(host, origin.port, timeout=SECONDS, context=context)
    else:
        server = smtplib.SMTP(host, origin.port, timeout=SECONDS)
    try:
        if origin.scheme == "smtp":
            server.starttls(context=context)  # and not without: it raises where the server has none
        if address.username:
            server.login(address.username, address.password)
    except BaseException:
        server.close()
        raise
    return server


def _deliver(server: smtplib.SMTP, destination: Destination, parcel: Parcel, hidden: Sequence[str]) -> Receipt:
    try:
        refused = server.send_message(
            message_of(parcel, destination), destination.sender, list(destination.recipients)
        )
    except (smtplib.SMTPRecipientsRefused, smtplib.SMTPSenderRefused, smtplib.SMTPDataError) as error:
        is_final = all(500 <= code < 600 for code in _codes(error))
        result = Result.REFUSED if is_final else Result.UNREACHABLE
        return Receipt(id=parcel.id, result=result, detail=_said(error, hidden))
    except (OSError, smtplib.SMTPException, ValueError) as error:
        return Receipt(id=parcel.id, result=Result.UNREACHABLE, detail=_said(error, hidden))
    if refused:  # some have it: sent again it would reach those twice
        return Receipt(id=parcel.id, result=Result.DELIVERED, detail=f"refused for {', '.join(sorted(refused))}")
    return Receipt(id=parcel.id, result=Result.DELIVERED)


def _codes(error: smtplib.SMTPException) -> list[int]:
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return [code for code, _ in error.recipients.values()]
    assert isinstance(error, smtplib.SMTPResponseException)  # noqa: S101 - the two others are such
    return [error.smtp_code]


def _said(error: Exception, hidden: Sequence[str]) -> str:
    """Return what went wrong in a line, without anything of the URL's login."""
    match error:
        case smtplib.SMTPResponseException():
            said = error.smtp_error
            text = f"{error.smtp_code} {said.decode('utf-8', 'replace') if isinstance(said, bytes) else said}"
        case smtplib.SMTPRecipientsRefused():
            text = "; ".join(
                f"{who}: {code} {said.decode('utf-8', 'replace')}" for who, (code, said) in error.recipients.items()
            )
        case OSError() if error.strerror:
            text = error.strerror
        case _:
            text = str(error) or type(error).__name__
    return scrub(clean_text(f"mail server: {text}", _LONGEST_ANSWER), hidden)


def _rows(told: Announcement) -> list[tuple[str, str]]:
    incident, resource = told.facts.get("incident"), told.facts.get("resource")
    rows = [("When", rfc3339(told.at)), ("Severity", told.severity.value)]
    if isinstance(incident, dict):
        rows += [("Incident", str(incident["id"])), ("Began", incident["began_at"])]
        rows += [("Over", incident["resolved_at"])] if incident["resolved_at"] else []
    if isinstance(resource, dict):
        rows += [("Resource", resource["reference"]), ("Registry", resource["registry"])]
        rows += [("Group", resource["group"])] if resource["group"] else []
    plain = [(name, value) for name, value in sorted(told.facts.items()) if not isinstance(value, dict | list)]
    rows += [(name.replace("_", " ").capitalize(), str(value)) for name, value in plain if value not in (None, "")]
    return [(name, clean_text(value, 500)) for name, value in rows]
