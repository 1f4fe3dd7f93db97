"""A base that changes while it is learnt from: said in the result, not as a warning."""

import warnings

import retention_lib as rl


def test_a_forecast_on_changed_customers_is_called_rough_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        # Every sixth customer of the sample: they have changed as much as all of them.
        whole = rl.open_base("data/sample/cdnow")
        lines = whole.to_pandas()
        some = lines["customer_id"].drop_duplicates().sort_values().iloc[::6]
        lines = lines[lines["customer_id"].isin(some)]
        result = rl.evaluate_offer(rl.CustomerBase.from_tables(lines, as_of=whole.as_of))
    assert "no longer look like" in result.sentence()
    assert "no longer look like" in str(result.assumptions["offer_note"])
