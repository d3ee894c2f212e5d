"""``tieout ledger``: its commands."""

from ops.commands.lazy_group import lazy_group

app = lazy_group(
    {
        "balance": "ops.commands.ledger.balances:balance",
        "statement": "ops.commands.ledger.statements:statement",
        "trial-balance": "ops.commands.ledger.balances:trial_balance",
        "deposit": "ops.commands.ledger.funds:deposit",
        "withdraw": "ops.commands.ledger.funds:withdraw",
        "funds": "ops.commands.ledger.funds:app",
        "verify": "ops.commands.ledger.verify:verify",
        "replay": "ops.commands.ledger.replay:replay",
        "seal": "ops.commands.ledger.seals:seal",
        "accounts": "ops.commands.ledger.accounts:accounts",
        "rounds": "ops.commands.ledger.accounts:rounds",
        "checkpoint": "ops.commands.ledger.accounts:checkpoint",
        "residuals": "ops.commands.ledger.residuals:residuals",
        "audit": "ops.commands.ledger.seals:audit",
        "adjust": "ops.commands.ledger.adjust:app",
        "recover": "ops.commands.ledger.recover:recover",
    },
    summaries={
        "funds": "List, approve and reject deposits and withdrawals that take two people.",
        "audit": "Write sealed days to files, and check them without the database.",
        "adjust": "Correct the books by hand: one person proposes, another approves.",
    },
)
