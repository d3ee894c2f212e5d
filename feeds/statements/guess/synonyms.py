"""Words that mean the same in the columns and the actions of statements, in some languages."""

import re
import unicodedata
from collections.abc import Collection, Mapping

_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[0-9]+|[^\W\d_a-zA-Z]+")
# Letters that do not decompose into one of ours and a mark.
_LETTERS = str.maketrans({"ß": "ss", "ł": "l", "Ł": "L", "ø": "o", "№": "Nr ", "º": " "})


def _by_synonym(groups: Mapping[str, str]) -> Mapping[str, tuple[str, ...]]:
    return {
        synonym: tuple(words.split())
        for words, synonyms in groups.items()
        for synonym in synonyms.split()
    }


_COLUMN_WORDS = _by_synonym(
    {
        "transaction": "tx txn trx trans reference ref bet round ticket transaktion buchung"
        " operacion operacja transakcja transaccion",
        "transaction id": "txid txnid transactionid transaktionsnummer transaktionsnr"
        " buchungsnummer buchungsnr buchungs beleg",
        "user": "player customer client account member login username spieler kunde konto"
        " joueur compte jugador cliente gracz klient punter",
        "user id": "userid playerid spielernummer spielernr kundennummer kundennr accountid",
        "created": "date time datetime timestamp when at on placed processed datum zeit"
        " zeitpunkt zeitstempel uhrzeit tag buchungszeit buchungsdatum jour heure fecha hora"
        " data czas",
        "amount": "sum value total money betrag summe wert montant importe monto kwota stake",
        "currency": "ccy cur curr wahrung devise monnaie moneda divisa waluta",
        "action": "type kind event operation art vorgang typ typen tipo rodzaj",
        "rollback": "original refund refunded related parent reversed cancelled linked storno"
        " stornierte annule annulee annulation origine reversal anulacion",
        "id": "no nr number identifier code key uid num numero nummer ids",
    }
)
#: What an action does to words for it.
_ACTION_WORDS = _by_synonym(
    {
        "bet": "bet bets stake wager debit einsatz wette mise pari apuesta zaklad buyin",
        "win": "win wins won result payout credit gain gewinn auszahlung ganancia premio"
        " wygrana",
        "rollback": "rollback cancel cancelled canceled cancellation refund void storno undo"
        " stornierung annulation annule reversal reverse anulacion anulowanie",
    }
)


def words_of(name: str) -> list[str]:
    """The words of a name, in lower case and without accents."""
    text = unicodedata.normalize("NFKD", name.translate(_LETTERS))
    plain = "".join(char for char in text if not unicodedata.combining(char))
    return [word.lower() for word in _WORD.findall(plain)]


def column_words(name: str, literal: Collection[str] = ()) -> set[str]:
    """What the words of a column's name mean; those in ``literal`` mean themselves."""
    return {
        meaning
        for word in words_of(name)
        for meaning in ((word,) if word in literal else _COLUMN_WORDS.get(word, (word,)))
    }


def ambiguous_words(names: Collection[str]) -> set[str]:
    """Words of these fields that would mean the same, although the fields differ."""
    words = {word for name in names for word in words_of(name)}
    meanings = {word: _COLUMN_WORDS.get(word, (word,)) for word in words}
    return {
        word
        for word in words
        if any(meanings[word] == meanings[other] for other in words - {word})
    }


def action_meaning(text: str) -> str | None:
    """``bet``, ``win`` or ``rollback``; None: its words say nothing, or different things."""
    meanings = {meaning for word in words_of(text) for meaning in _ACTION_WORDS.get(word, ())}
    return meanings.pop() if len(meanings) == 1 else None
