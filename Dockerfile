# One image for studios and workers. What launch.py installs is installed here, and launch.py starts everything.
FROM python:3.12-slim

WORKDIR /studio
COPY launch.py requirements.txt requirements-postgres.txt constraints.txt ./
RUN python -m pip install --no-cache-dir --disable-pip-version-check -r requirements.txt -r requirements-postgres.txt

COPY ragdiffusion ragdiffusion
COPY app app
COPY assets assets

RUN useradd --create-home studio && mkdir /pictures /workspace && chown studio /pictures /workspace
USER studio

EXPOSE 7860
ENTRYPOINT ["python", "launch.py", "--no-venv"]
CMD ["studio", "--help"]
