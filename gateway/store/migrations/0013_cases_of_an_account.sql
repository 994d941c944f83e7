-- For the list of an account's own cases: the row's id, which is in every index, gives the order.
CREATE INDEX declaration_case_account ON declaration_case (account_id);
