"""GET /healthz, /readyz and /metrics: for whoever keeps the service running."""

from fastapi import APIRouter, Depends, Request
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.responses import JSONResponse, Response

from tunewise.serving.access import need
from tunewise.serving.service import Service

router = APIRouter(tags=["health"])


@router.get("/healthz")
async def healthz() -> dict[str, str]:
    """The process answers."""
    return {"status": "ok"}


@router.get("/readyz", responses={503: {"description": "Not now"}})
async def readyz(request: Request) -> Response:
    """Whether requests should be sent here: all models that were asked for are served."""
    service: Service = request.app.state.service
    ready = not service.offer.refused
    told = {"status": "ready" if ready else "not ready", "models": list(service.offer.models)}
    return JSONResponse(told, status_code=200 if ready else 503)


@router.get(
    "/metrics",
    dependencies=[Depends(need("admin"))],
    response_class=Response,
    responses={200: {"content": {"text/plain": {}}}},
)
async def metrics(request: Request) -> Response:
    """All that is counted, in the format of Prometheus."""
    service: Service = request.app.state.service
    return Response(
        generate_latest(service.meters.registry), headers={"content-type": CONTENT_TYPE_LATEST}
    )
