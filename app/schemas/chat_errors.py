"""The body of an error in OpenAI's API."""

from app.schemas.wire import ResponseModel


class ChatError(ResponseModel):
    """What went wrong; `code` is stable, `message` is for people, `param` names the field."""

    message: str
    type: str
    param: str | None
    code: str


class ChatErrorBody(ResponseModel):
    """The body of every error at the door that OpenAI's clients use."""

    error: ChatError
