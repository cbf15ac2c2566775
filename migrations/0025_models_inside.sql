-- Whether commands in the sandboxes of a project's runs get a key for model calls.
ALTER TABLE projects ADD COLUMN models_inside boolean NOT NULL DEFAULT false;
