"""The socket of several processes, of which each takes its turn."""

import asyncio
import socket

from footnote.listening import SharedSocket

CLIENTS = 6


async def test_each_connection_is_taken_and_none_of_two_servers_takes_all() -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=CLIENTS) as bound:
        address = bound.getsockname()
        clients = [socket.create_connection(address) for _ in range(CLIENTS)]
        taken: list[int] = []
        everybody = asyncio.Event()

        def serve(number: int) -> "asyncio.Future[asyncio.Server]":
            async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
                taken.append(number)
                writer.close()
                if len(taken) == CLIENTS:
                    everybody.set()

            shared = SharedSocket(fileno=bound.dup().detach())
            return asyncio.ensure_future(asyncio.start_server(take, sock=shared))

        servers = await asyncio.gather(serve(1), serve(2))
        async with asyncio.timeout(30):
            await everybody.wait()
        for client in clients:
            client.close()
        for server in servers:
            server.close()

    assert sorted(taken) == [1, 1, 1, 2, 2, 2]
