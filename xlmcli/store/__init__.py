"""The model store: models of the hub, downloaded, checked, converted, and kept under short names.

    XLM_HOME/models/NAME/                    a pulled model: a bundle, and origin.json, which says where it came from
    XLM_HOME/downloads/OWNER--NAME@COMMIT/   files on their way; a pull that was interrupted goes on with them

A model gets its place in ``models`` by one rename, when it is complete and checked.
"""
