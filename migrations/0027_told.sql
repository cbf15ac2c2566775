-- Who was told of a limit that came near, for the page of budgets.
ALTER TABLE budget_alerts ADD told uuid[] NOT NULL DEFAULT '{}';

-- What whoever declined a request gave as the reason.
ALTER TABLE budget_requests ADD answer text CHECK (length(answer) BETWEEN 1 AND 500);
