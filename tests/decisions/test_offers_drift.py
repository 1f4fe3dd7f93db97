"""A base that changes while it is learnt from: said in the result, not as a warning."""

import warnings

import retention_lib as rl


def test_a_forecast_on_changed_customers_is_called_rough_without_a_warning():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = rl.evaluate_offer(rl.open_base("data/sample/cdnow"))
    assert "no longer look like" in result.sentence()
    assert "no longer look like" in str(result.assumptions["offer_note"])
