"""Webhooks in: verified, adapted, and answered once their events are durable.

Reading order: `request` (what came, and what is answered), `schemes` (how systems sign), `intake` (from one to the other), `writers` and
`journal` (what durable means), `memory` (what has been answered before), `dead_letters` (what was refused), `app` and `server`
(HTTP). Of token holders: `tokens`, `batches` (what a body holds), `api` (who may come in), `events_in`, `answers`.
"""
