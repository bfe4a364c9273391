"""A gateway whose store cannot be asked: what customers, shops and the log are told."""

from pathlib import Path
from typing import Any

import pytest
from trio.testing import MockClock

from switch.gateway.orders.database import DamagedError, StoreError
from switch.gateway.web import Web
from tests.gateway.asgi import ask
from tests.gateway.test_flow import serving
from tests.gateway.test_kills import NETWORK, World, form


async def test_customers_are_told_where_nothing_can_be_read_and_damage_is_noticed(
    tmp_path: Path, autojump_clock: MockClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with serving(tmp_path, World(lambda n: "")) as service:
        said: list[dict[str, object]] = []
        monkeypatch.setattr(service, "report", lambda event, fields: said.append({"event": event, **fields}))
        app = Web(service, NETWORK).app()

        def full(*_: Any) -> None:
            raise StoreError("gateway.sqlite: cannot be used: full; make room on its disk")

        with monkeypatch.context() as broken:
            for name in ("merchant", "by_token"):
                broken.setattr(service.registry.store, name, full)
                full.__name__ = name
                told = await ask(
                    app, *(("/fim/est3Dgate", form("A1").pairs) if name == "merchant" else ("/pay/x?lang=ar",))
                )
                assert told.status == 503
                assert ("غير متاح حاليا" if name == "by_token" else "Indisponible pour le moment") in told.text
            asked = b"<CC5Request><ClientId>600000001</ClientId></CC5Request>"
            assert "<ErrMsg>the gateway cannot be asked now" in (await ask(app, "/fim/api", body=asked)).text
        assert [one["event"] for one in said] == ["store.failed"] * 3
        assert "make room on its disk" in str(said[0]["error"])
        assert not service.desk.damaged.is_set()

        def damaged(*_: Any) -> None:
            raise DamagedError("gateway.sqlite: cannot be used: malformed; put a backup of it there")

        monkeypatch.setattr(service.registry.store, "by_token", damaged)
        assert (await ask(app, "/pay/x")).status == 503
        assert service.desk.damaged.is_set()
